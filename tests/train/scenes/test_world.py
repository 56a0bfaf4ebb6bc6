import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.train.scenes.world import FAR, Frame, Up, moved

coordinates = st.floats(-1e6, 1e6)
places = st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=8)


@given(st.sampled_from(["y", "z"]), st.floats(1e-3, 1e3), places)
def test_a_frame_leads_there_and_back(up: Up, unit: float, own: list[tuple[float, float, float]]) -> None:
    frame = moved(Frame(up, unit), np.array(own))
    metres = frame.to_metres(np.array(own))
    back = frame.to_own(metres)
    assert back == pytest.approx(np.array(own), rel=1e-9, abs=1e-6)
    middle = (metres.min(axis=0) + metres.max(axis=0)) / 2
    assert np.abs(middle).max() <= FAR + 1


def test_gltf_has_y_up_and_a_turn_keeps_hands() -> None:
    """x to the right, y up, z towards the viewer becomes x to the right, z up, y away from the viewer."""
    turned = Frame("y").turned(np.eye(3))
    assert turned.tolist() == [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    assert np.linalg.det(turned) == pytest.approx(1)
