package coexist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// needHome returns why a rule that needs the configuration of the new server does
// not run.
func needHome() error {
	return finding.NotApplicableNeeds([]finding.Need{finding.NeedNewServerHome}, "needs the configuration of the new server")
}

// edit returns the fix that changes one parameter; the zero Fix for a value that
// cannot be part of a command.
func edit(name string, op finding.EditOp, value string) finding.Fix {
	if config.ShellWord(value) == "" {
		return finding.Fix{}
	}
	return finding.Edit(finding.ParameterEdit{Name: name, Op: op, Value: value})
}

func checkLocalUser(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return needHome()
	}
	if s.value(paramLocalUser) == "" {
		emit(s.about(paramLocalUser, paramLocalUser+" is not set: the new server treats everyone in the directory as its own user", edit(paramLocalUser, finding.EditSet, "davstore")))
	}
	return nil
}

// marksUsers reports whether the new server distinguishes its users from others by
// an attribute.
func (c *Check) marksUsers() bool { return c.o.Server != nil && c.o.Server.value(paramLocalUser) != "" }

// needsMap returns why rules about the way to the old server have nothing to check;
// nil if they have.
func (c *Check) needsMap() error {
	switch {
	case c.o.Server == nil:
		return needHome()
	case !c.marksUsers():
		return finding.NotApplicable("%s is not set, so the new server treats nobody as a user of the old server", paramLocalUser)
	}
	return nil
}

func hasFold(list []string, word string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, word) })
}

func checkLocalUserFetched(c *Check, emit emitter) error {
	if err := c.needsMap(); err != nil {
		return err
	}
	s := c.o.Server
	if mark := s.value(paramLocalUser); !hasFold(config.SplitList(s.value(paramFetched)), mark) {
		emit(s.about(paramFetched, fmt.Sprintf("%s does not contain %s, which is the value of %s: the new server sees the attribute on no entry", paramFetched, mark, paramLocalUser),
			edit(paramFetched, finding.EditAdd, mark)))
	}
	return nil
}

// checkFetched emits one finding however many members are missing, because one
// command removed them all.
func checkFetched(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return needHome()
	}
	list, mark := config.SplitList(s.value(paramFetched)), s.value(paramLocalUser)
	var missing, vital []string
	severity := finding.Warning
	for _, n := range s.Registry.NeededMembers(s.Doc, paramFetched) {
		if hasFold(list, n.Member) || strings.EqualFold(n.Member, mark) {
			continue
		}
		missing = append(missing, n.Member)
		if n.Vital {
			severity = finding.Error
			vital = append(vital, fmt.Sprintf("%s (%s)", n.Member, n.Why))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	detail := fmt.Sprintf("%s lacks %s", paramFetched, strings.Join(missing, " "))
	if len(vital) > 0 {
		detail += "; the server does not work without " + strings.Join(vital, ", ")
	}
	f := s.about(paramFetched, detail, edit(paramFetched, finding.EditAdd, strings.Join(missing, " ")))
	f.Severity = severity
	emit(f)
	return nil
}

func checkAnonymous(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return needHome()
	}
	if !strings.EqualFold(s.value(paramAnonymous), "true") {
		emit(s.about(paramAnonymous, paramAnonymous+" is not true: queries without a login return nothing about users on the new server", edit(paramAnonymous, finding.EditSet, "true")))
	}
	return nil
}

func checkWhitelist(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return needHome()
	}
	if len(config.SplitList(s.value(paramWhitelist))) == 0 {
		emit(s.about(paramWhitelist, paramWhitelist+" is empty, so no host, not even the old server, can post to the iSchedule URL without logging in",
			finding.Fix{Type: finding.FixParameter, Steps: []finding.Step{{
				Remark:   "ADDRESS: the address of each front end of the old server, and of each mail server that forwards invitations",
				Task:     finding.Task{Do: finding.EditParameters, Edits: []finding.ParameterEdit{{Name: paramWhitelist, Op: finding.EditAdd, Value: "ADDRESS"}}},
				Template: true,
			}}}))
	}
	return nil
}

func checkNewVersion(c *Check, emit emitter) error {
	v := c.o.NewVersion
	switch {
	case v.Text == "":
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedNewServerVersion}, "needs the version of the new server")
	case v.Major < 7:
		emit(finding.Finding{Value: v.Text, Detail: "version " + v.Text + " is not Calendar Server 7"})
	case v.Major == 7 && v.Update == 0:
		emit(finding.Finding{Value: v.Text, Detail: "version " + v.Text + " is the original release of Calendar Server 7; coexistence requires Update 1 or later"})
	}
	return nil
}
