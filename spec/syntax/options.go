package syntax

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Options change how a spec is read.
type Options struct {
	Set       []Setting // overrides of vars, as --set gives them
	VarsFiles []string  // files that override vars, as --vars names them; Set takes precedence
	Seed      *int64    // overrides the spec's seed
	AllowRead []string  // folders outside the spec's own from which it may read
}

// Setting is an override of a var: --set KEY=VALUE.
type Setting struct{ Key, Value string }

// Reason is a file error without the file's name.
func Reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// ReadFile reads a regular file up to a little more than a spec may be long, so that a
// longer one is refused without being read whole.
func ReadFile(path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f)
}

// Read is ReadFile for an open file.
func Read(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, tree.MaxBytes+1)) }

// stem is a file's name without its folder and ending.
func stem(file string) string {
	base := filepath.Base(file)
	return base[:len(base)-len(filepath.Ext(base))]
}
