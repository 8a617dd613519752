package config

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed parameters.tsv
var parametersTSV string

// registryColumns is the first line of the table. It names the columns of the rows.
const registryColumns = "name\ttype\tunit\tmin\tmax\tdefault\tlist\tchoices\trestart\tconfidence\tdeprecated\tmeaning"

// Registry describes the parameters of davserver.properties. It never changes after
// it is created, so several goroutines may use it at once.
type Registry struct {
	all      []*Parameter          // by name
	exact    map[string]*Parameter // by name; a family under its pattern
	families []*Parameter
}

// NewRegistry returns the registry that is built into the program. It fails only if
// the built-in table is malformed, which the tests rule out.
//
// The names and values come from the configuration chapters of the Calendar Server
// manuals, as far as these were available; NameCertainty and ValueCertainty of each
// parameter say how certain they are.
func NewRegistry() (*Registry, error) { return parseRegistry(parametersTSV) }

// ParseRegistry parses a table of parameters: a heading, then one parameter per
// line in the order of the names, with columns separated by tabs. An error names
// the line, counted from 1.
func ParseRegistry(tsv []byte) (*Registry, error) { return parseRegistry(string(tsv)) }

func parseRegistry(tsv string) (*Registry, error) {
	heading, rows, _ := strings.Cut(tsv, "\n")
	if heading != registryColumns {
		return nil, errors.New("line 1: the heading does not name the columns of a parameter table")
	}
	n := strings.Count(rows, "\n") + 1
	r := &Registry{all: make([]*Parameter, 0, n), exact: make(map[string]*Parameter, n)}
	for line := 2; rows != ""; line++ {
		var row string
		row, rows, _ = strings.Cut(rows, "\n")
		p, err := parseParameter(row)
		if err == nil && len(r.all) > 0 && p.Name <= r.all[len(r.all)-1].Name {
			err = fmt.Errorf("'%s' does not come after '%s'", p.Name, r.all[len(r.all)-1].Name)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		r.all = append(r.all, p)
		r.exact[p.Name] = p
		if p.Family() {
			r.families = append(r.families, p)
		}
	}
	return r, nil
}

func parseParameter(row string) (*Parameter, error) {
	var f [12]string
	n := 0
	for rest, more := row, true; more; n++ {
		var field string
		field, rest, more = strings.Cut(rest, "\t")
		if n < len(f) {
			f[n] = field
		}
	}
	if n != len(f) {
		return nil, fmt.Errorf("%d columns instead of %d", n, len(f))
	}
	p := &Parameter{
		Name: f[0], Type: Type(f[1]), Unit: f[2], Default: f[5], List: f[6] == "space",
		Restart: Restart(f[8]), Deprecated: f[10], Meaning: f[11],
	}
	if file, _, ok := strings.Cut(p.Name, ":"); ok {
		p.File = file + ".properties"
	}
	if f[7] != "" {
		p.Choices = strings.Split(f[7], "|")
	}
	if err := p.parseSure(f[9]); err != nil {
		return nil, err
	}
	if err := p.parseRange(f[3], f[4]); err != nil {
		return nil, err
	}
	if f[6] != "" && f[6] != "space" {
		return nil, fmt.Errorf("the list separator '%s' is not 'space' or empty", f[6])
	}
	return p, p.wellFormed()
}

func (p *Parameter) parseSure(s string) error {
	if len(s) == 3 && s[1] == '/' && Certainty(s[0]).known() && Certainty(s[2]).known() {
		p.NameCertainty, p.ValueCertainty = Certainty(s[0]), Certainty(s[2])
		return nil
	}
	return fmt.Errorf("the confidence '%s' is not two of S, M, G, O with a slash between", s)
}

func (p *Parameter) parseRange(low, high string) error {
	for _, b := range []struct {
		text string
		to   **int64
	}{{low, &p.Min}, {high, &p.Max}} {
		if b.text == "" {
			continue
		}
		n, err := strconv.ParseInt(b.text, 10, 64)
		if err != nil {
			return fmt.Errorf("the limit '%s' is not an integer", b.text)
		}
		*b.to = &n
	}
	return nil
}

// wellFormed returns an error for a row that cannot be used. Rows that are merely
// wrong, for example with a default outside its range, are found by the tests,
// because this code runs at every start of the program.
func (p *Parameter) wellFormed() error {
	switch {
	case p.Name == "" || strings.ContainsAny(p.Name, " \t\r=") || slices.Contains(strings.Split(p.Name, "."), ""):
		return fmt.Errorf("'%s' is not a parameter name", p.Name)
	case strings.Count(p.Name, "*") != strings.Count("."+p.Name+".", ".*."):
		return fmt.Errorf("'%s': '*' must stand for one whole component", p.Name)
	case !p.Type.known():
		return fmt.Errorf("unknown type '%s'", p.Type)
	case !p.Restart.known():
		return fmt.Errorf("the restart value '%s' is not no, yes or assumed", p.Restart)
	case (p.Min != nil || p.Max != nil) && !p.numeric():
		return errors.New("only an integer or a long has limits")
	case p.numeric() && p.low() > p.high():
		return fmt.Errorf("the limits %d to %d are reversed", p.low(), p.high())
	case p.Type == URL && p.Unit == "":
		return errors.New("a url needs its schemes in the unit column")
	case p.Meaning == "":
		return errors.New("the meaning is missing")
	}
	return nil
}

// Lookup returns the parameter that applies to name. Letter case matters, as it
// does in a Java properties file. A parameter with exactly this name has
// precedence over a family. The * of a family stands for one component that is not
// empty and contains no dot, so a family is also found by its own pattern: a
// caller that is about to set name must refuse a name that contains a *.
//
// Parameters of other files are found by their name with the prefix of that file,
// such as ashttpd:service.port, and have File set.
func (r *Registry) Lookup(name string) (*Parameter, bool) {
	if p, ok := r.exact[name]; ok {
		return p, true
	}
	for _, p := range r.families {
		if _, ok := instance(p.Name, name, false); ok {
			return p, true
		}
	}
	return nil, false
}

// All returns every parameter in the order of the names, each family once by its
// pattern. The caller owns the slice, but the parameters are shared and must not
// be changed.
func (r *Registry) All() []*Parameter { return slices.Clone(r.all) }

// instance reports whether name is a member of the family with this pattern, and
// returns it in the spelling of the pattern. With fold set, letter case is ignored
// in both.
func instance(pattern, name string, fold bool) (string, bool) {
	if strings.Count(pattern, ".") != strings.Count(name, ".") {
		return "", false
	}
	var out strings.Builder
	for pattern != "" {
		var want, got string
		want, pattern, _ = strings.Cut(pattern, ".")
		got, name, _ = strings.Cut(name, ".")
		switch {
		case got == "":
			return "", false
		case want == "*":
			want = got
		case want != got && !(fold && strings.EqualFold(want, got)):
			return "", false
		}
		if out.Len() > 0 {
			out.WriteByte('.')
		}
		out.WriteString(want)
	}
	return out.String(), true
}
