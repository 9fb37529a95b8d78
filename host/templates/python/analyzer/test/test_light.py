import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from light import Light


class LightTest(unittest.TestCase):
    def test_it_begins_is_renewed_and_ends(self):
        light = Light(100)
        said = [light.look(bytes([level]) * 12) for level in (99, 100, 255, 0, 200)]
        self.assertEqual(said, [None, (1, "BEGIN"), (1, "UPDATE"), (1, "END"), (2, "BEGIN")])

    def test_after_a_gap_it_begins_anew(self):
        light = Light(100)
        light.look(bytes([200]) * 12)
        light.forget()
        self.assertEqual(light.look(bytes([200]) * 12), (2, "BEGIN"))


if __name__ == "__main__":
    unittest.main()
