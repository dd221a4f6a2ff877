"""Methods that run as programs of their own: in their own virtual environment, or in another language.

Harness and program share one folder and two small JSON files, and nothing else::

    JOB/
    ├── job.json            written by petbench: what to do, version 3
    ├── training/           fit: scans and delayed volumes of the training participants
    ├── images/             predict: scans of the test participants
    ├── work/               the program's own, kept when an interrupted run resumes
    ├── model/              what the program learnt: written in fit, read in predict
    ├── predictions/        predict: one delayed volume for each early one
    └── status.json         written by the program when it ends

Every volume is a `.npy` file of little-endian float32 in SUV, shape (z, y, x), in C order. A scan is an early volume
and, where the method named more in its `needs`, images beside it (`frames`, `ct`; `labels` as int16) and facts such as
`weight_kg`: `job.json` names the files and holds the facts. The program is started
twice with the folder as its argument, once for each stage: in `fit` no test participant's image is there, in
`predict` no delayed image is. Participants have numbers, no names; a validation participant is among those of `predict`
alone. `protocol` says what the two JSON files hold.
"""
