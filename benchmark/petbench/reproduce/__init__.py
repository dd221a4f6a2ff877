"""The comparison of pix2pix and CycleGAN that petbench is named after, made again by petbench's own rules."""
