"""The published comparison of pix2pix and CycleGAN, repeated by the rules of petbench."""
