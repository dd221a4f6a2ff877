BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE boards (
	id INTEGER NOT NULL, 
	dataset TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	split TEXT NOT NULL, 
	split_digest TEXT NOT NULL, 
	protocol INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT board_key UNIQUE (dataset, fingerprint, split, split_digest, protocol)
);
INSERT INTO "boards" VALUES(1,'fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',1);
CREATE TABLE phases (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	phase TEXT NOT NULL, 
	seconds FLOAT NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "phases" VALUES(2,1,'train',3.51500000306259607896e-06,'2026-11-25 18:37:34.078931');
INSERT INTO "phases" VALUES(6,2,'train',2.94008699998471456638e-03,'2026-11-25 18:37:38.992426');
INSERT INTO "phases" VALUES(10,3,'train',2.4453912000012678618e-02,'2026-11-25 18:37:42.422635');
INSERT INTO "phases" VALUES(15,4,'train',2.04581048750000036315e+01,'2026-11-25 18:38:07.311991');
INSERT INTO "phases" VALUES(20,5,'train',1.6532881427999996049e+01,'2026-11-25 18:38:28.548562');
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	identity VARCHAR(64) NOT NULL, 
	pool VARCHAR(64) NOT NULL, 
	method TEXT NOT NULL, 
	plugin TEXT NOT NULL, 
	distribution TEXT NOT NULL, 
	version TEXT NOT NULL, 
	source_hash TEXT NOT NULL, 
	supervision TEXT NOT NULL, 
	preset TEXT, 
	parameters JSON NOT NULL, 
	dataset TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	split TEXT NOT NULL, 
	split_digest TEXT NOT NULL, 
	fold INTEGER NOT NULL, 
	test_participants JSON NOT NULL, 
	split_participants JSON NOT NULL, 
	seed BIGINT NOT NULL, 
	precision TEXT NOT NULL, 
	budget TEXT NOT NULL, 
	protocol INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	verification VARCHAR(16) NOT NULL, 
	phase TEXT, 
	error_class TEXT, 
	error_message TEXT, 
	log_path TEXT, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	device TEXT, 
	machine JSON NOT NULL, 
	environment JSON NOT NULL, 
	images_seen BIGINT, 
	train_seconds FLOAT, 
	images_per_second FLOAT, 
	seconds_per_volume FLOAT, 
	peak_memory_bytes BIGINT, 
	peak_device_memory_bytes BIGINT, 
	parameter_count BIGINT, on_board BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (uid)
);
INSERT INTO "runs" VALUES(1,'f87eedb6821b4813aa94a9bc2122b6b4','c7526ee8cc1aa7fdf4dbe136a0b68ee5ab3aa1d51a2eaca0738e73bafdb9fcd2','d99933e8faf24579bdc1d88da14b82efeb44441ca38e6ff61db665b56e7fb303','identity','baselines','petbench','0.1.0','be8952b66539569bad8a412bdf7fb9c477690c7a5848a65792cf5745989b1200','none','default','{}','fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',0,'["sub-06"]','["sub-06"]',0,'bf16','images=0',1,'ok','recomputed','score',NULL,NULL,'runs/00001-identity-c7526ee8/run.log','2026-11-25 18:37:32.597859','2026-11-25 18:37:33.944156','2026-11-25 18:37:35.516079','cpu','{"processor": "a CPU"}','{"torch": "2.6.0"}',0,2.19468500000630228896e-03,NULL,3.16569999938565160846e-05,322404352,NULL,0,1);
INSERT INTO "runs" VALUES(2,'e4abf979ad214da0855257be4c0dc1f6','220968a700c04c2c43e3617473d51b1d504104277640bd0293d2be112c0692ad','ce6eb3933fddd0816478bbc013274e899a0d8d712d3b25a9cb644b9a438cab4e','scale','baselines','petbench','0.1.0','be8952b66539569bad8a412bdf7fb9c477690c7a5848a65792cf5745989b1200','paired','default','{}','fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',0,'["sub-06"]','["sub-06"]',0,'bf16','images=0',1,'ok','recomputed','score',NULL,NULL,'runs/00002-scale-220968a7/run.log','2026-11-25 18:37:37.419162','2026-11-25 18:37:38.815683','2026-11-25 18:37:39.424539','cpu','{"processor": "a CPU"}','{"torch": "2.6.0"}',0,5.10870400000840163556e-03,NULL,3.75060000123994541354e-05,323641344,NULL,1,1);
INSERT INTO "runs" VALUES(3,'effc61dfab88485b903442800e007a84','479e99a2850b56fd44d48de9c11fe55231fd77767cfbfc85a57998ebf13995d8','dd2b1a7611b0b74259e5fbd4ac9a46f5d5feea2263b78e3b9f6f7a283aad2d72','kinetic','baselines','petbench','0.1.0','be8952b66539569bad8a412bdf7fb9c477690c7a5848a65792cf5745989b1200','paired','default','{"bins": 40, "early_start_minutes": 7.0, "early_end_minutes": 21.0, "delayed_start_minutes": 42.0, "delayed_end_minutes": 63.0}','fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',0,'["sub-06"]','["sub-06"]',0,'bf16','images=0',1,'ok','recomputed','score',NULL,NULL,'runs/00003-kinetic-479e99a2/run.log','2026-11-25 18:37:40.954627','2026-11-25 18:37:42.237604','2026-11-25 18:37:42.856621','cpu','{"processor": "a CPU"}','{"torch": "2.6.0"}',0,0.0279385320000074,NULL,6.4042669999935242231e-03,328253440,NULL,0,1);
INSERT INTO "runs" VALUES(4,'fcbd9cbc842a42709ede87af6f63b1fb','7441f7d775fa69057a7745d857f5a291c22b77a59a8bc941ead16ae17b73aeb6','9922b814cc4f38e41fd56bfecc11c92825a74d9a4711971d5ccd3a2ab1e68d05','pix2pix','gan','petbench','0.1.0','4508e6bc837613154300c0a0ea7a7c641cfe5cb39498aea6c29cc89a909f1408','paired','mini','{"images": 12000, "batch_size": 16, "learning_rate": 0.001, "beta1": 0.5, "beta2": 0.999, "decay_start": 0.0, "shift_voxels": 4, "log_scale": 0.0, "suv_maximum": 50.0, "norm_eval": "auto", "dropout_eval": false, "validations": 5, "selection": "last", "generator": "unet", "depth": 5, "blocks": 6, "width": 16, "norm": "batch", "dropout": true, "upsample": "deconv", "residual": true, "discriminator_layers": 2, "discriminator_width": 16, "gan_loss": "vanilla", "gan_weight": 1.0, "l1_weight": 100.0, "feature_weight": 0.0}','fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',0,'["sub-06"]','["sub-06"]',0,'bf16','images=12000',1,'ok','recomputed','score',NULL,NULL,'runs/00004-pix2pix-7441f7d7/run.log','2026-11-25 18:37:44.453082','2026-11-25 18:37:45.786881','2026-11-25 18:38:07.735066','cpu','{"processor": "a CPU"}','{"torch": "2.6.0"}',12000,21.354251691,5.86432295864166803784e+02,3.62678420000008827628e-02,493461504,NULL,1084786,1);
INSERT INTO "runs" VALUES(5,'961fdbb265a14383b2050e1bf323f280','eca5b0befcd63e3c187f250b3aea03c22953b59591fb6f59c3f8e30b16199e64','a55524183a36a2af44cffc7f44df7496428e39c9024b7f31ac8c6df021acaf7c','cyclegan','gan','petbench','0.1.0','4508e6bc837613154300c0a0ea7a7c641cfe5cb39498aea6c29cc89a909f1408','unpaired','mini','{"images": 3000, "batch_size": 16, "learning_rate": 0.001, "beta1": 0.5, "beta2": 0.999, "decay_start": 0.0, "shift_voxels": 4, "log_scale": 0.0, "suv_maximum": 50.0, "norm_eval": "auto", "dropout_eval": false, "validations": 5, "selection": "last", "generator": "unet", "depth": 5, "blocks": 6, "width": 16, "norm": "batch", "dropout": true, "upsample": "deconv", "residual": true, "discriminator_layers": 2, "discriminator_width": 16, "gan_loss": "lsgan", "gan_weight": 1.0, "cycle_weight": 10.0, "identity_weight": 0.5, "pool_size": 50}','fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',0,'["sub-06"]','["sub-06"]',0,'bf16','images=3000',1,'ok','recomputed','score',NULL,NULL,'runs/00005-cyclegan-eca5b0be/run.log','2026-11-25 18:38:09.586812','2026-11-25 18:38:10.895991','2026-11-25 18:38:28.958211','cpu','{"processor": "a CPU"}','{"torch": "2.6.0"}',3008,1.74847182159999761097e+01,1.81858244263833142891e+02,3.31023669999979119893e-02,571244544,NULL,2169060,1);
INSERT INTO "runs" VALUES(6,'1f82f01601a4473597c35c3835c08ad3','aee0415fce38f73e4fc9c3051531198211c243d8b31f61c735258ce38f4f24af','285c56ef8ddfe63d920b7ae33ae3536a3c79944129c660e0dd39364e6dcac754','noise-ceiling','external','petbench','','4ab5282d0c27c2f1432cd2336dadc95a471b835b277dda2344e1d8d757f8406b','oracle','','{}','fdg-phantom-mini','be5212a2e44825c652ffda70af7b78e8ec59861e43182180926919752acf60d2','holdout','c679bdd9fa78d37ea57d8e1f251f2fb8fe104e691f7efcd5d5faa5232f0718d3',0,'["sub-06"]','["sub-06"]',0,'fp32','images=0',1,'ok','recomputed','score',NULL,NULL,NULL,'2026-11-25 18:38:32.394553',NULL,'2026-11-25 18:38:32.428739','cpu','{"processor": "a CPU"}','{"torch": "2.6.0"}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,1);
CREATE TABLE scores (
	run_id INTEGER NOT NULL, 
	protocol INTEGER NOT NULL, 
	metric TEXT NOT NULL, 
	convention_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	participant TEXT NOT NULL, 
	value FLOAT, 
	unit TEXT NOT NULL, 
	higher_is_better BOOLEAN, 
	reason TEXT, 
	extra JSON NOT NULL, 
	PRIMARY KEY (run_id, protocol, metric, convention_id, region, participant), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "scores" VALUES(1,1,'fid','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','volume','',NULL,'',0,'weights unavailable: pt_inception-2015-12-05-6726825d.pth could not be downloaded (<urlopen error [Errno -2] Name or service not known>); get pt_inception-2015-12-05-6726825d.pth from https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth and name it with --fid-weights or $PETBENCH_FID_WEIGHTS','{}');
INSERT INTO "scores" VALUES(1,1,'mae_body_suv','mae/body/suv@1','body','sub-06',2.47262515188962611611e-01,'SUV',0,NULL,'{}');
INSERT INTO "scores" VALUES(1,1,'noise_power_ratio','noise-power-ratio/body-slices/above-half-nyquist@1','body','sub-06',0.520856918312425,'',NULL,NULL,'{}');
INSERT INTO "scores" VALUES(1,1,'psnr_body_suv20','psnr/body/clip-suv0-20/range20@1','body','sub-06',3.0825231825566529408e+01,'dB',1,NULL,'{}');
INSERT INTO "scores" VALUES(2,1,'fid','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','volume','',NULL,'',0,'weights unavailable: pt_inception-2015-12-05-6726825d.pth could not be downloaded (<urlopen error [Errno -2] Name or service not known>); get pt_inception-2015-12-05-6726825d.pth from https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth and name it with --fid-weights or $PETBENCH_FID_WEIGHTS','{}');
INSERT INTO "scores" VALUES(2,1,'mae_body_suv','mae/body/suv@1','body','sub-06',3.45011343335823505995e-01,'SUV',0,NULL,'{}');
INSERT INTO "scores" VALUES(2,1,'noise_power_ratio','noise-power-ratio/body-slices/above-half-nyquist@1','body','sub-06',7.3205581403220509884e-01,'',NULL,NULL,'{}');
INSERT INTO "scores" VALUES(2,1,'psnr_body_suv20','psnr/body/clip-suv0-20/range20@1','body','sub-06',3.02879632926360144997e+01,'dB',1,NULL,'{}');
INSERT INTO "scores" VALUES(3,1,'fid','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','volume','',NULL,'',0,'weights unavailable: pt_inception-2015-12-05-6726825d.pth could not be downloaded (<urlopen error [Errno -2] Name or service not known>); get pt_inception-2015-12-05-6726825d.pth from https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth and name it with --fid-weights or $PETBENCH_FID_WEIGHTS','{}');
INSERT INTO "scores" VALUES(3,1,'mae_body_suv','mae/body/suv@1','body','sub-06',2.23572679652690314844e-01,'SUV',0,NULL,'{}');
INSERT INTO "scores" VALUES(3,1,'noise_power_ratio','noise-power-ratio/body-slices/above-half-nyquist@1','body','sub-06',2.67916093525735865554e-01,'',NULL,NULL,'{}');
INSERT INTO "scores" VALUES(3,1,'psnr_body_suv20','psnr/body/clip-suv0-20/range20@1','body','sub-06',2.92475383775882455958e+01,'dB',1,NULL,'{}');
INSERT INTO "scores" VALUES(4,1,'fid','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','volume','',NULL,'',0,'weights unavailable: pt_inception-2015-12-05-6726825d.pth could not be downloaded (<urlopen error [Errno -2] Name or service not known>); get pt_inception-2015-12-05-6726825d.pth from https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth and name it with --fid-weights or $PETBENCH_FID_WEIGHTS','{}');
INSERT INTO "scores" VALUES(4,1,'mae_body_suv','mae/body/suv@1','body','sub-06',1.99672260558563047228e-01,'SUV',0,NULL,'{}');
INSERT INTO "scores" VALUES(4,1,'noise_power_ratio','noise-power-ratio/body-slices/above-half-nyquist@1','body','sub-06',9.85617660113908056196e-01,'',NULL,NULL,'{}');
INSERT INTO "scores" VALUES(4,1,'psnr_body_suv20','psnr/body/clip-suv0-20/range20@1','body','sub-06',3.27016133319478683469e+01,'dB',1,NULL,'{}');
INSERT INTO "scores" VALUES(5,1,'fid','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','volume','',NULL,'',0,'weights unavailable: pt_inception-2015-12-05-6726825d.pth could not be downloaded (<urlopen error [Errno -2] Name or service not known>); get pt_inception-2015-12-05-6726825d.pth from https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth and name it with --fid-weights or $PETBENCH_FID_WEIGHTS','{}');
INSERT INTO "scores" VALUES(5,1,'mae_body_suv','mae/body/suv@1','body','sub-06',2.50338652424914931415e-01,'SUV',0,NULL,'{}');
INSERT INTO "scores" VALUES(5,1,'noise_power_ratio','noise-power-ratio/body-slices/above-half-nyquist@1','body','sub-06',5.82200867860732440561e-01,'',NULL,NULL,'{}');
INSERT INTO "scores" VALUES(5,1,'psnr_body_suv20','psnr/body/clip-suv0-20/range20@1','body','sub-06',3.08683922213728152423e+01,'dB',1,NULL,'{}');
INSERT INTO "scores" VALUES(6,1,'fid','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','volume','',NULL,'',0,'weights unavailable: pt_inception-2015-12-05-6726825d.pth could not be downloaded (<urlopen error [Errno -2] Name or service not known>); get pt_inception-2015-12-05-6726825d.pth from https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth and name it with --fid-weights or $PETBENCH_FID_WEIGHTS','{}');
INSERT INTO "scores" VALUES(6,1,'mae_body_suv','mae/body/suv@1','body','sub-06',7.89987872822426329122e-02,'SUV',0,NULL,'{}');
INSERT INTO "scores" VALUES(6,1,'noise_power_ratio','noise-power-ratio/body-slices/above-half-nyquist@1','body','sub-06',9.97514619215123743423e-01,'',NULL,NULL,'{}');
INSERT INTO "scores" VALUES(6,1,'psnr_body_suv20','psnr/body/clip-suv0-20/range20@1','body','sub-06',4.5027904790688026539e+01,'dB',1,NULL,'{}');
CREATE TABLE source_diffs (
	run_id INTEGER NOT NULL, 
	diff TEXT NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE standings (
	pool VARCHAR(64) NOT NULL, 
	board_id INTEGER NOT NULL, 
	metric TEXT NOT NULL, 
	region TEXT NOT NULL, 
	convention_id TEXT NOT NULL, 
	method TEXT NOT NULL, 
	higher_is_better BOOLEAN, 
	mean FLOAT, 
	PRIMARY KEY (pool, board_id, metric, region, convention_id), 
	FOREIGN KEY(board_id) REFERENCES boards (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "standings" VALUES('285c56ef8ddfe63d920b7ae33ae3536a3c79944129c660e0dd39364e6dcac754',1,'fid','volume','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','noise-ceiling',0,NULL);
INSERT INTO "standings" VALUES('285c56ef8ddfe63d920b7ae33ae3536a3c79944129c660e0dd39364e6dcac754',1,'mae_body_suv','body','mae/body/suv@1','noise-ceiling',0,7.89987872822426329122e-02);
INSERT INTO "standings" VALUES('285c56ef8ddfe63d920b7ae33ae3536a3c79944129c660e0dd39364e6dcac754',1,'noise_power_ratio','body','noise-power-ratio/body-slices/above-half-nyquist@1','noise-ceiling',NULL,9.97514619215123743423e-01);
INSERT INTO "standings" VALUES('285c56ef8ddfe63d920b7ae33ae3536a3c79944129c660e0dd39364e6dcac754',1,'psnr_body_suv20','body','psnr/body/clip-suv0-20/range20@1','noise-ceiling',1,4.5027904790688026539e+01);
INSERT INTO "standings" VALUES('9922b814cc4f38e41fd56bfecc11c92825a74d9a4711971d5ccd3a2ab1e68d05',1,'fid','volume','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','pix2pix',0,NULL);
INSERT INTO "standings" VALUES('9922b814cc4f38e41fd56bfecc11c92825a74d9a4711971d5ccd3a2ab1e68d05',1,'mae_body_suv','body','mae/body/suv@1','pix2pix',0,1.99672260558563047228e-01);
INSERT INTO "standings" VALUES('9922b814cc4f38e41fd56bfecc11c92825a74d9a4711971d5ccd3a2ab1e68d05',1,'noise_power_ratio','body','noise-power-ratio/body-slices/above-half-nyquist@1','pix2pix',NULL,9.85617660113908056196e-01);
INSERT INTO "standings" VALUES('9922b814cc4f38e41fd56bfecc11c92825a74d9a4711971d5ccd3a2ab1e68d05',1,'psnr_body_suv20','body','psnr/body/clip-suv0-20/range20@1','pix2pix',1,3.27016133319478683469e+01);
INSERT INTO "standings" VALUES('a55524183a36a2af44cffc7f44df7496428e39c9024b7f31ac8c6df021acaf7c',1,'fid','volume','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','cyclegan',0,NULL);
INSERT INTO "standings" VALUES('a55524183a36a2af44cffc7f44df7496428e39c9024b7f31ac8c6df021acaf7c',1,'mae_body_suv','body','mae/body/suv@1','cyclegan',0,2.50338652424914931415e-01);
INSERT INTO "standings" VALUES('a55524183a36a2af44cffc7f44df7496428e39c9024b7f31ac8c6df021acaf7c',1,'noise_power_ratio','body','noise-power-ratio/body-slices/above-half-nyquist@1','cyclegan',NULL,5.82200867860732440561e-01);
INSERT INTO "standings" VALUES('a55524183a36a2af44cffc7f44df7496428e39c9024b7f31ac8c6df021acaf7c',1,'psnr_body_suv20','body','psnr/body/clip-suv0-20/range20@1','cyclegan',1,3.08683922213728152423e+01);
INSERT INTO "standings" VALUES('ce6eb3933fddd0816478bbc013274e899a0d8d712d3b25a9cb644b9a438cab4e',1,'fid','volume','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','scale',0,NULL);
INSERT INTO "standings" VALUES('ce6eb3933fddd0816478bbc013274e899a0d8d712d3b25a9cb644b9a438cab4e',1,'mae_body_suv','body','mae/body/suv@1','scale',0,3.45011343335823505995e-01);
INSERT INTO "standings" VALUES('ce6eb3933fddd0816478bbc013274e899a0d8d712d3b25a9cb644b9a438cab4e',1,'noise_power_ratio','body','noise-power-ratio/body-slices/above-half-nyquist@1','scale',NULL,7.3205581403220509884e-01);
INSERT INTO "standings" VALUES('ce6eb3933fddd0816478bbc013274e899a0d8d712d3b25a9cb644b9a438cab4e',1,'psnr_body_suv20','body','psnr/body/clip-suv0-20/range20@1','scale',1,3.02879632926360144997e+01);
INSERT INTO "standings" VALUES('d99933e8faf24579bdc1d88da14b82efeb44441ca38e6ff61db665b56e7fb303',1,'fid','volume','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','identity',0,NULL);
INSERT INTO "standings" VALUES('d99933e8faf24579bdc1d88da14b82efeb44441ca38e6ff61db665b56e7fb303',1,'mae_body_suv','body','mae/body/suv@1','identity',0,2.47262515188962611611e-01);
INSERT INTO "standings" VALUES('d99933e8faf24579bdc1d88da14b82efeb44441ca38e6ff61db665b56e7fb303',1,'noise_power_ratio','body','noise-power-ratio/body-slices/above-half-nyquist@1','identity',NULL,0.520856918312425);
INSERT INTO "standings" VALUES('d99933e8faf24579bdc1d88da14b82efeb44441ca38e6ff61db665b56e7fb303',1,'psnr_body_suv20','body','psnr/body/clip-suv0-20/range20@1','identity',1,3.0825231825566529408e+01);
INSERT INTO "standings" VALUES('dd2b1a7611b0b74259e5fbd4ac9a46f5d5feea2263b78e3b9f6f7a283aad2d72',1,'fid','volume','frechet/inception-2015-12-05/pool3-2048@1/axial-body/suv0-10/uint8@1','kinetic',0,NULL);
INSERT INTO "standings" VALUES('dd2b1a7611b0b74259e5fbd4ac9a46f5d5feea2263b78e3b9f6f7a283aad2d72',1,'mae_body_suv','body','mae/body/suv@1','kinetic',0,2.23572679652690314844e-01);
INSERT INTO "standings" VALUES('dd2b1a7611b0b74259e5fbd4ac9a46f5d5feea2263b78e3b9f6f7a283aad2d72',1,'noise_power_ratio','body','noise-power-ratio/body-slices/above-half-nyquist@1','kinetic',NULL,2.67916093525735865554e-01);
INSERT INTO "standings" VALUES('dd2b1a7611b0b74259e5fbd4ac9a46f5d5feea2263b78e3b9f6f7a283aad2d72',1,'psnr_body_suv20','body','psnr/body/clip-suv0-20/range20@1','kinetic',1,2.92475383775882455958e+01);
CREATE INDEX ix_runs_identity ON runs (identity);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX runs_board ON runs (dataset, split_digest, pool);
CREATE INDEX ix_phases_run_id ON phases (run_id);
CREATE INDEX runs_places ON runs (pool, on_board, seed, fold);
CREATE INDEX runs_off_board ON runs (on_board, dataset, split_digest);
CREATE INDEX standings_order ON standings (board_id, metric, region, convention_id, mean, method);
CREATE INDEX standings_methods ON standings (board_id, method, pool);
COMMIT;
