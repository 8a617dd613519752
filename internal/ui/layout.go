package ui

import (
	"slices"
	"strings"
)

// layout is how the records of a table are shown.
type layout struct {
	block  bool // as blocks of lines, not as rows
	shown  []shownColumn
	hidden []hiddenColumn
}

// shownColumn is a column of the rows.
type shownColumn struct {
	column  int
	size    int  // cells
	wrapped bool // longer text is wrapped, not clipped
}

// hiddenColumn is a column that is not in the rows.
type hiddenColumn struct {
	column  int
	noted   bool   // all sampled rows have value; a row with another one says so
	value   string // empty: the column was empty
	differs bool   // a later row had another value
}

// notes returns the lines below the table.
func (l *layout) notes(columns []Column) []string {
	var same, other, dropped []string
	for _, h := range l.hidden {
		c := columns[h.column]
		switch {
		case !h.noted:
			dropped = append(dropped, c.Title)
		case h.value == "":
		case h.differs:
			other = append(other, c.Title+" "+h.value)
		default:
			same = append(same, c.Title+" "+h.value)
		}
	}
	var out []string
	if same != nil {
		out = append(out, "all rows: "+strings.Join(same, "; "))
	}
	if other != nil {
		out = append(out, "all other rows: "+strings.Join(other, "; "))
	}
	if dropped != nil {
		out = append(out, "not shown: "+strings.Join(dropped, ", ")+" (use --output json or csv)")
	}
	return out
}

const (
	minText    = 12 // cells; the least width of a wrapped column
	minClipped = 8  // the least width of a clipped column
	maxWord    = 24 // words up to this width are not broken if that can be avoided
	maxLines   = 8  // a narrow column with taller cells makes the table a block
	growth     = 4  // a streamed column may grow by this fraction of its width
)

// stat is what the sampled rows say about a column.
type stat struct {
	title, titleWord int // widths of the title and its longest word
	cell, word       int // the same of the widest cell
	same, empty      bool
	value            string // of the first row
}

func measure(c Column, column int, sample [][]string, width int) stat {
	s := stat{title: Width(c.Title), titleWord: longestWord(c.Title), same: len(sample) > 1, empty: len(sample) > 0}
	for i, row := range sample {
		cell := row[column]
		if i == 0 {
			s.value = cell
		}
		s.same = s.same && cell == s.value
		s.empty = s.empty && cell == ""
		n := Width(cell)
		s.cell = max(s.cell, n)
		if n > minText && s.word < width {
			s.word = max(s.word, longestWord(cell))
		}
	}
	return s
}

// fitter finds the layout of a table.
type fitter struct {
	columns []Column
	stats   []stat
	width   int
	sizes   []int // of each column
	shown   []int // columns, from left to right
	hidden  []hiddenColumn
	noRows  bool
}

func newLayout(columns []Column, sample [][]string, width int, more bool) *layout {
	f := &fitter{columns: columns, width: width, sizes: make([]int, len(columns)), noRows: len(sample) == 0}
	for i, c := range columns {
		s := measure(c, i, sample, width)
		f.stats = append(f.stats, s)
		f.sizes[i] = max(s.cell, s.title, 1)
		f.shown = append(f.shown, i)
	}
	// As long as rows can follow, an empty column stays if there is room.
	if !more || !f.fits() {
		f.dropEmpty()
	}
	if !f.fits() && !f.squeeze() {
		return &layout{block: true}
	}
	f.grow(more)
	l := &layout{hidden: f.hidden}
	for _, i := range f.shown {
		wraps := !columns[i].Clip && f.sizes[i] < f.stats[i].cell
		l.shown = append(l.shown, shownColumn{column: i, size: f.sizes[i], wrapped: wraps})
	}
	return l
}

// squeeze makes the table fit, and reports whether it could.
func (f *fitter) squeeze() bool {
	for _, i := range f.shown {
		f.sizes[i] = max(f.stats[i].cell, f.stats[i].titleWord, 1)
	}
	if f.fits() || f.dropSame() {
		return true
	}
	if f.noRows {
		return false
	}
	for _, i := range f.droppable(func(i int) bool { return f.columns[i].Optional }) {
		f.hide(i, hiddenColumn{})
	}
	secondary := 0
	for _, i := range f.shown {
		if !f.columns[i].kept() {
			secondary++
		}
	}
	for dropped := 0; ; dropped++ {
		if f.shrink() {
			f.restore(func(h hiddenColumn) bool { return !h.noted })
			return true
		}
		candidates := f.droppable(func(int) bool { return true })
		if len(candidates) == 0 || 2*(dropped+1) > secondary {
			return false
		}
		f.hide(candidates[0], hiddenColumn{})
	}
}

func (f *fitter) total() int {
	total := 0
	for n, i := range f.shown {
		if n > 0 {
			total += gap
		}
		total += f.sizes[i]
	}
	return total
}

func (f *fitter) fits() bool { return f.total() <= f.width }

// droppable returns the columns that may be dropped, the first to go first.
func (f *fitter) droppable(want func(column int) bool) []int {
	var out []int
	for _, i := range slices.Backward(f.shown) {
		if !f.columns[i].kept() && want(i) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return f.columns[a].Priority - f.columns[b].Priority })
	return out
}

// kept reports whether a column is never dropped.
func (c Column) kept() bool { return c.Key || c.Essential }

func (f *fitter) hide(column int, h hiddenColumn) {
	h.column = column
	f.hidden = append(f.hidden, h)
	f.shown = slices.DeleteFunc(f.shown, func(i int) bool { return i == column })
}

func (f *fitter) dropEmpty() {
	for _, i := range f.droppable(func(i int) bool { return f.stats[i].empty }) {
		f.hide(i, hiddenColumn{noted: true})
	}
}

// dropSame moves columns with the same value in each row to a note, no more than
// it takes, and reports whether the table then fits.
func (f *fitter) dropSame() bool {
	for _, i := range f.droppable(func(i int) bool { return f.stats[i].same && !f.stats[i].empty }) {
		f.hide(i, hiddenColumn{noted: true, value: f.stats[i].value})
		if f.fits() {
			f.restore(func(h hiddenColumn) bool { return h.noted && h.value != "" })
			return true
		}
	}
	return false
}

// restore shows hidden columns again for which there is room, the last first.
func (f *fitter) restore(which func(hiddenColumn) bool) {
	for n, h := range slices.Backward(f.hidden) {
		if which(h) && f.total()+gap+f.sizes[h.column] <= f.width {
			f.hidden = slices.Delete(f.hidden, n, n+1)
			f.shown = append(f.shown, h.column)
			slices.Sort(f.shown)
		}
	}
	slices.SortFunc(f.hidden, func(a, b hiddenColumn) int { return a.column - b.column })
}

// shrink narrows text columns until the table fits, first without breaking words. It
// reports whether the table fits and is still readable.
func (f *fitter) shrink() bool {
	for _, i := range f.shown {
		f.sizes[i] = max(f.stats[i].cell, f.stats[i].titleWord, 1)
	}
	for _, floor := range []func(int) int{f.wordFloor, f.floor} {
		for _, level := range f.levels() {
			f.shrinkLevel(level, floor)
		}
	}
	return f.fits() && !slices.ContainsFunc(f.shown, f.cramped)
}

// levels returns the priorities of the columns shown, the lowest first.
func (f *fitter) levels() []int {
	var out []int
	for _, i := range f.shown {
		out = append(out, f.columns[i].Priority)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shrinkLevel narrows the widest columns of one priority by what is missing.
func (f *fitter) shrinkLevel(priority int, floor func(int) int) {
	for i := range f.sizes {
		// More than the whole width is of no use to a column that can give way.
		if f.columns[i].Priority == priority && f.sizes[i] > f.width {
			f.sizes[i] = max(f.width, floor(i))
		}
	}
	for missing := f.total() - f.width; missing > 0; missing-- {
		widest := -1
		for _, i := range f.shown {
			if f.columns[i].Priority == priority && f.sizes[i] > floor(i) && (widest < 0 || f.sizes[i] >= f.sizes[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		f.sizes[widest]--
	}
}

// floor returns the least width of a column.
func (f *fitter) floor(i int) int {
	s := f.stats[i]
	switch c := f.columns[i]; {
	case c.Key || c.Number:
		return max(s.cell, s.titleWord, 1)
	case c.Clip:
		return max(s.titleWord, min(s.cell, minClipped), 1)
	}
	return max(s.titleWord, min(s.cell, minText), 1)
}

// wordFloor returns the least width that breaks no words.
func (f *fitter) wordFloor(i int) int {
	if f.columns[i].Clip {
		return f.floor(i)
	}
	return max(f.floor(i), min(f.stats[i].word, maxWord))
}

// cramped reports whether a wrapped column is too narrow for what it contains.
func (f *fitter) cramped(i int) bool {
	size, cell := f.sizes[i], f.stats[i].cell
	return !f.columns[i].Clip && size < cell && size < 2*minText && cell > maxLines*size
}

// grow distributes the room that is left: to columns whose titles were wrapped, and
// if rows can follow, to columns whose later cells may be wider.
func (f *fitter) grow(more bool) {
	spare := f.width - f.total()
	add := func(i, n int) {
		n = max(0, min(n, spare))
		f.sizes[i] += n
		spare -= n
	}
	for spare > 0 {
		tallest, height := -1, 1
		for _, i := range f.shown {
			if n := len(breakText(f.columns[i].Title, f.sizes[i])); n > height {
				tallest, height = i, n
			}
		}
		if tallest < 0 {
			break
		}
		add(tallest, 1)
	}
	if !more {
		return
	}
	for n, i := range f.shown {
		switch c := f.columns[i]; {
		case n == len(f.shown)-1 && !c.Number:
			add(i, spare)
		case c.Number:
			add(i, 2)
		default:
			add(i, f.sizes[i]/growth)
		}
	}
}
