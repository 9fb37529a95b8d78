import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from keeper import Keeper, Stretch


class KeeperTest(unittest.TestCase):
    def test_events_close_together_share_a_stretch(self):
        keeper = Keeper(10, 20)
        self.assertEqual(keeper.hear("a", 100), Stretch(1, 90, 120, ("a",)))
        self.assertEqual(keeper.hear("b", 115), Stretch(1, 90, 135, ("a", "b")))
        self.assertEqual(keeper.hear("c", 146), Stretch(2, 136, 166, ("c",)))

    def test_a_late_event_moves_the_start_back(self):
        keeper = Keeper(10, 20)
        keeper.hear("a", 100)
        self.assertEqual(keeper.hear("b", 95).start, 85)


if __name__ == "__main__":
    unittest.main()
