"""The schedule editor: a week of daypart windows, drawn or typed, with what they will do before they are saved."""
