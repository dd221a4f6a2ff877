"""The image pool of Shrivastava et al. 2017 as CycleGAN uses it, held on the device."""

from __future__ import annotations

import torch
from torch import nn


class ImagePool(nn.Module):
    """Shows the discriminator a mixture of new and earlier predictions.

    While the pool fills, images pass through. Then each image is, with probability 1/2, stored in a random place
    and the image that was there is returned instead. The authors' code does this image by image on the host;
    here a batch goes at once and the device is never waited for. Everything kept is changed in place, so that a step
    can be replayed as a CUDA graph. Two images of one batch may get the same place:
    the later one then stays, and both return the earlier occupant.

    Args:
        size: images kept; 0 lets every image through.
    """

    images: torch.Tensor
    seen: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.empty(0))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def exchange(self, predicted: torch.Tensor) -> torch.Tensor:
        """Store some of `predicted`, shape (batch, channel, y, x), and return as many images, new and old."""
        if self.size == 0:
            return predicted
        if self.images.numel() == 0:
            self.images = predicted.new_zeros((self.size, *predicted.shape[1:]))
        predicted = predicted.detach()
        count, device = len(predicted), predicted.device
        order = self.seen + torch.arange(count, device=device)
        filling = order < self.size
        place = torch.where(filling, order, torch.randint(self.size, (count,), device=device))
        swap = ~filling & (torch.rand(count, device=device) < 0.5)
        stored = self.images[place]
        returned = torch.where(swap[:, None, None, None], stored, predicted)
        kept = torch.where((swap | filling)[:, None, None, None], predicted, stored)
        self.images.copy_(_put(self.images, place, swap | filling, kept))
        self.seen.add_(count)
        return returned

    def _load_from_state_dict(self, state_dict: dict[str, torch.Tensor], prefix: str, *arguments: object) -> None:
        """Take the stored images' shape as it comes: it is not known before the first batch."""
        stored = state_dict.get(f"{prefix}images")
        if stored is not None:
            self.images = self.images.new_zeros(stored.shape)
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def _put(pool: torch.Tensor, place: torch.Tensor, write: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return `pool` with `images` at `place` where `write`; of two writes to one place the later wins.

    Done by choosing, for each place, the last image of the batch that goes there: a scatter with repeated places
    would be decided by chance on a CUDA device.
    """
    count = len(images)
    goes = (torch.arange(len(pool), device=pool.device)[:, None] == place[None, :]) & write[None, :]
    rank = torch.where(goes, torch.arange(1, count + 1, device=pool.device)[None, :], 0).amax(dim=1)
    source = images[(rank - 1).clamp(min=0)]
    return torch.where((rank > 0)[:, None, None, None], source, pool)
