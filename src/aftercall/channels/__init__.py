"""Ways out, one file each. A channel sends one delivery and says what came of it; it decides nothing."""
