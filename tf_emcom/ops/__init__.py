"""Pure tensor mathematics: ranks are checked, and each equation names its source."""
