package calio

import (
	"encoding/base64"
	"fmt"
	"iter"
	"mime"
	"strings"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
)

// InlineAttachment is the content of an ATTACH property (RFC 5545, 3.8.1.1).
type InlineAttachment struct {
	Number    int    // in the object, from 1
	FileName  string // as the object names it (FILENAME or X-FILENAME); hostile; "" if it does not
	Extension string // that fits to the media type, such as ".pdf", or ".bin"
	Content   []byte
}

// InlineAttachments yields the inline attachments of an object, those of alarms included, in the
// order of the text. An attachment that cannot be decoded is an error, after which the others
// follow.
func InlineAttachments(x *calobj.Object) iter.Seq2[*InlineAttachment, error] {
	return func(yield func(*InlineAttachment, error) bool) {
		n := 0
		var walk func(*ical.Component) bool
		walk = func(c *ical.Component) bool {
			for p := range c.All("ATTACH") {
				if !strings.EqualFold(p.Param("ENCODING"), "BASE64") {
					continue
				}
				n++
				content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(p.Value()), ""))
				if err != nil {
					err = fmt.Errorf("attachment %d: %w", n, err)
				}
				if !yield(&InlineAttachment{Number: n, FileName: fileName(p), Extension: extension(p), Content: content}, err) {
					return false
				}
			}
			for _, child := range c.Components {
				if !walk(child) {
					return false
				}
			}
			return true
		}
		walk(x.Calendar)
	}
}

func fileName(p *ical.Property) string {
	if name := p.Param("FILENAME"); name != "" {
		return name
	}
	return p.Param("X-FILENAME")
}

// extension returns a fixed extension for a media type: the table of the system would make the
// names depend on the host.
func extension(p *ical.Property) string {
	media, _, err := mime.ParseMediaType(p.Param("FMTTYPE"))
	if err != nil {
		return ".bin"
	}
	known := map[string]string{
		"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "text/plain": ".txt", "text/html": ".html",
		"text/calendar": ".ics", "application/zip": ".zip", "application/msword": ".doc", "message/rfc822": ".eml",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       ".xlsx",
	}
	if ext, ok := known[media]; ok {
		return ext
	}
	return ".bin"
}
