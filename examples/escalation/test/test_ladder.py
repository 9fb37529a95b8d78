import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from ladder import Ladder


class LadderTest(unittest.TestCase):
    def setUp(self):
        self.ladder = Ladder(before=10, after=20, alarm_after=30, quiet=60)

    def test_what_ceases_soon_is_kept_and_no_more(self):
        for time, end in ((100, 120), (115, 135), (129, 149)):
            said = self.ladder.hear("a", time)
            self.assertEqual((said.raised, said.stretch.end), (False, end))
        self.assertIsNone(self.ladder.wake())
        self.assertEqual((said.stretch.start, said.stretch.because), (90, ["a"]))

    def test_what_goes_on_is_an_alarm_until_it_is_quiet(self):
        self.ladder.hear("a", 100)
        self.ladder.hear("b", 115)
        said = self.ladder.hear("c", 130)
        self.assertTrue(said.raised)
        self.assertEqual((said.stretch.number, said.stretch.end), (1, 190))
        self.assertFalse(self.ladder.hear("d", 140).raised, "it is raised once")
        self.assertEqual(self.ladder.wake(), 200)
        self.assertIsNone(self.ladder.look(199))
        self.assertTrue(self.ladder.look(200).over)
        self.assertIsNone(self.ladder.wake())
        self.assertEqual(self.ladder.hear("e", 201).stretch.number, 2)


if __name__ == "__main__":
    unittest.main()
