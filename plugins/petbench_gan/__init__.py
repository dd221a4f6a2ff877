"""pix2pix and CycleGAN: two adversarial methods that share their networks."""
