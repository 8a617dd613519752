package cmdutil

import (
	"bytes"
	"fmt"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/pkg/cs6"
)

// PlainText returns a text without a byte-order mark. Text in UTF-16 or UTF-32 is an error:
// read as bytes, it would look like a file that contains something else, or nothing. The
// name is that of the file, as a user would type it.
func PlainText(name string, b []byte) ([]byte, error) {
	if err := checkEncoding(name, b); err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(b, []byte(listfile.ByteOrderMark)), nil
}

// checkEncoding returns an error for text in UTF-16 or UTF-32, judging by its beginning.
func checkEncoding(name string, head []byte) error {
	if kind := listfile.Encoding(head); kind != "" {
		return encodingError(name, kind)
	}
	return nil
}

// encodingError returns the error for text in an encoding other than UTF-8.
func encodingError(name, kind string) error {
	return fmt.Errorf("%s is %s text, not UTF-8; convert it, for example with: iconv -f %s -t UTF-8 %s", name, kind, kind, Quote(name))
}

// ReadIcsConf reads an ics.conf of the old server. A file that is clearly something else is
// an error: read as an ics.conf, it would look like one in which nothing is set. A byte-order
// mark of UTF-8 is left for the checks of the file.
func ReadIcsConf(path string) ([]byte, error) {
	b, _, err := fsx.ReadLimited(path, 16<<20)
	if err == nil {
		err = checkEncoding(path, b)
	}
	if err != nil {
		return nil, err
	}
	if kind := cs6.OtherKind(b); kind != "" {
		return nil, fmt.Errorf("%s is %s, not an ics.conf, which has lines such as: local.hostname = \"cs6.example.com\" (on the old server it is /etc/opt/SUNWics5/config/ics.conf or /etc/opt/sun/calendar/config/ics.conf)", path, kind)
	}
	return b, nil
}
