"""Held-out people are enrolled, looked for, unknown, or set the threshold."""

import numpy as np

from recipes.common.faces.finding import divide_roles


def test_roles_of_the_rendered_people():
    labels = np.repeat(np.arange(120), 20)
    roles = divide_roles(labels)
    sizes = [len(numbers) for numbers in roles]
    assert sizes == [50 * 5, 50 * 15, 50 * 20, 20 * 20]
    assert len(np.unique(np.concatenate(roles))) == 2400
    assert set(labels[roles.gallery]) == set(labels[roles.known])
    people = [set(labels[own]) for own in roles[1:]]
    assert not people[0] & people[1]
    assert not people[1] & people[2]
    assert not people[0] & people[2]


def test_a_person_with_one_photo_is_not_enrolled():
    labels = np.array([0, 1, 1, *range(2, 12)])
    roles = divide_roles(labels)
    assert labels[roles.gallery].tolist() == [1]
    assert labels[roles.known].tolist() == [1]
