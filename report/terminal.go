package report

import (
	"os"

	"golang.org/x/term"
)

// Terminal reports whether f is a terminal, and gives a function that asks for
// its width in columns: 80 where it won't say.
func Terminal(f *os.File) (width func() int, ok bool) {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return nil, false
	}
	return func() int {
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			return w
		}
		return 80
	}, true
}
