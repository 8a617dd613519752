package coexist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

const noHome = "the configuration of the new server was not given; --home DIR gives it"

// modifyFix is a command that changes a parameter; "" for a value that cannot
// stand in one.
func modifyFix(name, option, value string) string {
	word := config.ShellWord(value)
	if word == "" {
		return ""
	}
	return fmt.Sprintf("davadmin config modify -o %s %s %s", name, option, word)
}

func checkLocalUser(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return finding.NotApplicable(noHome)
	}
	if s.value(paramLocalUser) == "" {
		emit(s.about(paramLocalUser, paramLocalUser+" is not set: everybody in the directory counts as hosted on the new server", modifyFix(paramLocalUser, "-v", "davstore")))
	}
	return nil
}

// marks tells whether the new server tells its people from others by a mark.
func (c *Check) marks() bool { return c.o.Server != nil && c.o.Server.value(paramLocalUser) != "" }

// mapped says why rules about the way to the old server have nothing to look at;
// nil where they have.
func (c *Check) mapped() error {
	switch {
	case c.o.Server == nil:
		return finding.NotApplicable(noHome)
	case !c.marks():
		return finding.NotApplicable("%s is not set: the new server takes nobody for a person of the old one", paramLocalUser)
	}
	return nil
}

func hasFold(list []string, word string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, word) })
}

func checkLocalUserFetched(c *Check, emit emitter) error {
	if err := c.mapped(); err != nil {
		return err
	}
	s := c.o.Server
	if mark := s.value(paramLocalUser); !hasFold(config.SplitList(s.value(paramFetched)), mark) {
		emit(s.about(paramFetched, fmt.Sprintf("%s does not name %s, which %s names: the new server sees it on nobody", paramFetched, mark, paramLocalUser),
			modifyFix(paramFetched, "--add", mark)))
	}
	return nil
}

// checkFetched is one finding however much was lost: it was lost by one command.
func checkFetched(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return finding.NotApplicable(noHome)
	}
	list, mark := config.SplitList(s.value(paramFetched)), s.value(paramLocalUser)
	var lost, told []string
	severity := finding.Warning
	for _, n := range s.Registry.NeededMembers(s.Doc, paramFetched) {
		if hasFold(list, n.Member) || strings.EqualFold(n.Member, mark) {
			continue
		}
		lost = append(lost, n.Member)
		if n.Vital {
			severity = finding.Error
			told = append(told, fmt.Sprintf("%s (%s)", n.Member, n.Why))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	detail := fmt.Sprintf("%s lacks %s", paramFetched, strings.Join(lost, " "))
	if len(told) > 0 {
		detail += "; the server does not work without " + strings.Join(told, ", ")
	}
	f := s.about(paramFetched, detail, modifyFix(paramFetched, "--add", strings.Join(lost, " ")))
	f.Severity = severity
	emit(f)
	return nil
}

func checkAnonymous(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return finding.NotApplicable(noHome)
	}
	if !strings.EqualFold(s.value(paramAnonymous), "true") {
		emit(s.about(paramAnonymous, paramAnonymous+" is not true: whoever asks without a login learns nothing about people on the new server", modifyFix(paramAnonymous, "-v", "true")))
	}
	return nil
}

func checkWhitelist(c *Check, emit emitter) error {
	s := c.o.Server
	if s == nil {
		return finding.NotApplicable(noHome)
	}
	if len(config.SplitList(s.value(paramWhitelist))) == 0 {
		emit(s.about(paramWhitelist, paramWhitelist+" is empty: no peer may post to the iSchedule URL without a login",
			"# ADDRESS: that of each front end of the old server, and of each mail server that hands on invitations\n"+
				"# davadmin config modify -o "+paramWhitelist+" --add ADDRESS"))
	}
	return nil
}

func checkNewVersion(c *Check, emit emitter) error {
	v := c.o.NewVersion
	switch {
	case v.Text == "":
		return finding.NotApplicable("the version of the new server was not given; --cs7-version VERSION gives it")
	case v.Major < 7:
		emit(finding.Finding{Value: v.Text, Detail: "version " + v.Text + " is not Calendar Server 7"})
	case v.Major == 7 && v.Update == 0:
		emit(finding.Finding{Value: v.Text, Detail: "version " + v.Text + " is the original release of Calendar Server 7; it takes Update 1 at least"})
	}
	return nil
}
