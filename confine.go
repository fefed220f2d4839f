package flowrun

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// mayRead refuses a file that lies outside of the spec's folder and of those
// that the caller allowed. The spec's check looks at names; this one follows
// links, now that the file is to be opened.
func (p *Program) mayRead(path string) error {
	real, err := filepath.EvalSymlinks(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case err != nil:
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	for _, dir := range append([]string{filepath.Dir(p.spec.File)}, p.allowRead...) {
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue // what isn't there holds no file
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, real)
		if err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
			return nil
		}
	}
	return fmt.Errorf("%s leads to %s, outside of the spec's folder; allow it with --allow-read %s", path, real, filepath.Dir(real))
}
