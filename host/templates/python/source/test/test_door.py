import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from door import read


class DoorTest(unittest.TestCase):
    def test_two_words_are_understood(self):
        self.assertEqual(read(b"open"), "door.opened")
        self.assertEqual(read(b" closed\n"), "door.closed")
        for body in (b"", b"opened", b"\xff"):
            self.assertIsNone(read(body))


if __name__ == "__main__":
    unittest.main()
