package listfile

import "github.com/clipperhouse/displaywidth"

// width returns the number of terminal cells of a text, as tables are laid out by it.
func width(s string) int { return displaywidth.String(s) }

// offset returns the offset in a line of the character that is at or after a cell of the
// terminal.
func offset(line string, cell int) int {
	g := displaywidth.StringGraphemes(line)
	at, cells := 0, 0
	for cells < cell && g.Next() {
		at += len(g.Value())
		cells += g.Width()
	}
	return at
}
