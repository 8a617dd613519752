package ldif

import "bytes"

// readLine returns the next line of the record, unfolded and without its line
// ending, and skips comments. ok is false at the blank line, or the end of the
// piece, that ends the record.
func (p *parser) readLine() (line []byte, ok bool) {
	for p.pos < len(p.data) {
		start := p.pos
		end, next := p.lineEnd(start)
		if start == end {
			return nil, false
		}
		p.start, p.line = start, p.nextLine
		p.pos = next
		p.nextLine++
		if next < len(p.data) && isBlank(p.data[next]) {
			end = p.unfold(end)
		}
		if p.data[start] != '#' {
			return p.data[start:end], true
		}
		p.searchComment(p.data[start:end])
		if p.o.Comments {
			p.comments = append(p.comments, p.data[start:end])
		}
	}
	return nil, false
}

// lineEnd returns where the line at start ends and where the next one begins.
func (p *parser) lineEnd(start int) (end, next int) {
	if p.lf < start {
		p.lf = indexFrom(p.data, start, '\n')
	}
	if p.cr < start {
		p.cr = indexFrom(p.data, start, '\r')
	}
	switch {
	case p.lf < p.cr:
		return p.lf, p.lf + 1
	case p.cr+1 == p.lf && p.lf < len(p.data):
		return p.cr, p.lf + 1
	}
	return p.cr, min(p.cr+1, len(p.data))
}

// unfold joins the folded lines at pos to the line before them, which ends at end,
// and returns the new end of that line.
func (p *parser) unfold(end int) int {
	for p.pos < len(p.data) && isBlank(p.data[p.pos]) {
		to, next := p.lineEnd(p.pos)
		end += copy(p.data[end:], p.data[p.pos+1:to])
		p.pos = next
		p.nextLine++
	}
	return end
}

// skipBlank moves to the next line that contains more than blanks. It returns false
// at the end of the piece.
func (p *parser) skipBlank() bool {
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		if c != '\n' && c != '\r' && !isBlank(c) {
			return true
		}
		end, next := p.lineEnd(p.pos)
		if len(skipBlanks(p.data[p.pos:end])) > 0 {
			return true
		}
		p.pos = next
		p.nextLine++
	}
	return false
}

// skipRecord moves to the end of an invalid record.
func (p *parser) skipRecord() {
	for p.pos < len(p.data) {
		end, next := p.lineEnd(p.pos)
		if end == p.pos {
			return
		}
		p.pos = next
		p.nextLine++
	}
}

// indexFrom returns the index of the first c in b at or after start, or len(b) if
// there is none.
func indexFrom(b []byte, start int, c byte) int {
	if i := bytes.IndexByte(b[start:], c); i >= 0 {
		return start + i
	}
	return len(b)
}

// isBlank reports whether c is a character that marks a folded line.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }
