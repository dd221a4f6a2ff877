"""Subgroups from participants.tsv: sex and site as they are, age and weight as halves."""

from __future__ import annotations

from petbench_datasets.dataset.subgroups import subgroups_of


def test_age_and_weight_become_halves_by_the_median_and_sex_a_word() -> None:
    table = {
        "sub-01": {"sex": "F", "age": "40", "body_weight": "60"},
        "sub-02": {"sex": "m", "age": "50", "body_weight": "90"},
        "sub-03": {"sex": "male", "age": "61", "body_weight": "75"},
    }
    assert subgroups_of(table) == {
        "sub-01": {"sex": "female", "age": "up to 50", "weight": "up to 75"},
        "sub-02": {"sex": "male", "age": "up to 50", "weight": "above 75"},
        "sub-03": {"sex": "male", "age": "above 50", "weight": "up to 75"},
    }


def test_a_missing_value_is_no_subgroup_and_what_does_not_divide_is_no_factor() -> None:
    table = {
        "sub-01": {"Sex": "F", "age": "", "Site": "north", "weight": "70"},
        "sub-02": {"Sex": "F", "age": "89+", "Site": "south", "weight": "70"},
        "sub-03": {"Sex": "F", "age": "50", "Site": "", "weight": "70"},
    }
    assert subgroups_of(table) == {"sub-01": {"site": "north"}, "sub-02": {"site": "south"}, "sub-03": {}}


def test_a_column_with_a_name_for_nearly_everybody_is_no_site() -> None:
    table = {f"sub-{number:02d}": {"site": f"bed {number}"} for number in range(1, 30)}
    assert set(map(len, subgroups_of(table).values())) == {0}
