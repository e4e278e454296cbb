"""Fresh digits for training: which share is written, which are distorted, and that a seed repeats them."""

import numpy as np
import pytest
import torch
from support.helpers import numbered_digits, seeded

from ca.data.digits import Digits
from ca.data.source import DigitSource, centred
from ca.data.written import write_digits
from ca.sizes import BOARD_SIDE


def test_a_plain_source_draws_the_data_set_s_digits_as_they_are() -> None:
    digits, picked = numbered_digits(), torch.randint(23, (50,), generator=seeded(4))
    drawn = DigitSource(digits).draw(50, seeded(4))
    assert torch.equal(drawn.images, digits.images[picked])
    assert torch.equal(drawn.labels, digits.labels[picked])


def placed(digits: Digits) -> set[bytes]:
    """The images in the middle of boards, as bytes."""
    boards = torch.zeros(len(digits), BOARD_SIDE, BOARD_SIDE, dtype=torch.uint8)
    boards[:, 18:46, 18:46] = digits.images
    return {board.numpy().tobytes() for board in boards}


def test_two_thirds_of_augmented_digits_differ_from_those_of_the_data_set(few_digits: Digits) -> None:
    drawn = DigitSource(few_digits, augment=True).draw(64, seeded(0))
    assert drawn.images.shape == (64, BOARD_SIDE, BOARD_SIDE)
    known = placed(few_digits)
    assert 12 <= sum(image.numpy().tobytes() in known for image in drawn.images) <= 34
    picked = torch.randint(64, (64,), generator=seeded(0))
    assert torch.equal(drawn.labels, few_digits.labels[picked])


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_of_written_digits_is_the_one_that_is_asked_for(share: float, few_digits: Digits) -> None:
    drawn = DigitSource(few_digits, written_share=share).draw(400, seeded(1))
    known = placed(few_digits)
    written = [image.numpy().tobytes() not in known for image in drawn.images]
    assert np.mean(written) == pytest.approx(share, abs=4 * (share * (1 - share) / 400) ** 0.5)


def test_written_digits_are_those_of_the_generator_with_their_labels_in_the_middle() -> None:
    generator = seeded(2)
    torch.randint(23, (30,), generator=generator)
    chance = np.random.default_rng(int(torch.randint(2**63 - 1, (), generator=generator)))
    chance.random(30)
    images, labels = write_digits(30, chance, BOARD_SIDE)
    drawn = DigitSource(numbered_digits(), written_share=1.0).draw(30, seeded(2))
    assert drawn.labels.tolist() == labels.tolist()
    for found, image in zip(drawn.images.numpy(), images, strict=True):
        assert np.array_equal(np.sort(found[found > 0]), np.sort(image[image > 0]))
        y, x = found.nonzero()
        assert abs(y.min() + y.max() - BOARD_SIDE + 1) <= 1
        assert abs(x.min() + x.max() - BOARD_SIDE + 1) <= 1


def test_an_image_without_ink_is_centred_too() -> None:
    empty = torch.zeros(1, 5, 6, dtype=torch.uint8)
    assert torch.equal(centred(empty), empty)


def test_the_same_generator_seed_repeats_the_digits(few_digits: Digits) -> None:
    source = DigitSource(few_digits, augment=True, written_share=0.5)
    generator, again, other = seeded(1), seeded(1), seeded(2)
    first = [source.draw(8, generator) for _ in range(2)]
    assert torch.equal(first[0].images, source.draw(8, again).images)
    resumed = torch.Generator()
    resumed.set_state(again.get_state())
    assert torch.equal(first[1].images, source.draw(8, resumed).images)
    assert not torch.equal(first[0].images, source.draw(8, other).images)
