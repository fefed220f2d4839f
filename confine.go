package flowrun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/files"
)

// openNamed opens a file that the spec names, and refuses one that lies outside of
// the spec's folder and of those that the caller allowed. The spec's check looks at
// names; this one follows links, now that the file is opened.
func (p *Program) openNamed(path string) (*os.File, error) {
	f, err := files.OpenWithin(append([]string{p.folder()}, p.allowRead...), path)
	if out := new(files.Outside); errors.As(err, &out) {
		return nil, fmt.Errorf("%w, outside of the spec's folder; allow it with --allow-read %s", out, filepath.Dir(out.Real))
	}
	return f, err
}

// openTensors opens a safetensors file that the spec names.
func (p *Program) openTensors(path string) (*safetensors.File, error) {
	f, err := p.openNamed(path)
	if err != nil {
		return nil, err
	}
	return safetensors.New(f, path)
}

// folder is the spec's.
func (p *Program) folder() string { return filepath.Dir(p.spec.File) }
