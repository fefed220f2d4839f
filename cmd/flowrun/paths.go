package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun"
)

// source is a file to check.
type source struct {
	path  string
	named bool // on the command line, not found in a folder
}

// read gives the file's text, up to a little more than a spec may be long.
func (f source) read(in io.Reader) ([]byte, error) {
	if f.path == stdin {
		return io.ReadAll(io.LimitReader(in, flowrun.MaxSpecBytes+1))
	}
	return flowrun.ReadSpec(f.path)
}

// specLine is the line by which a file in a folder is known to be a spec, also
// where the rest of it isn't YAML.
var specLine = regexp.MustCompile(`(?m)^\x{FEFF}?(\{[ \t]*)?(flowrun|"flowrun"|'flowrun')[ \t]*:`)

func isSpec(text []byte) bool { return specLine.Match(text) }

// expand finds the files that arguments stand for, each once, in the order of
// the arguments and in folders by name.
func expand(args []string) ([]source, error) {
	x := expansion{index: map[string]int{}}
	for _, arg := range args {
		if err := x.argument(arg); err != nil {
			return nil, err
		}
	}
	return x.files, nil
}

type expansion struct {
	files []source
	index map[string]int // into files, by cleaned path
}

func (x *expansion) add(path string, named bool) {
	key := filepath.Clean(path)
	if i, known := x.index[key]; known {
		x.files[i].named = x.files[i].named || named
		return
	}
	x.index[key] = len(x.files)
	x.files = append(x.files, source{path, named})
}

func (x *expansion) argument(arg string) error {
	if arg == "-" {
		x.add(stdin, true)
		return nil
	}
	_, err := os.Stat(arg)
	if errors.Is(err, os.ErrNotExist) && strings.ContainsAny(arg, "*?[{") {
		return x.glob(arg)
	}
	return x.path(arg) // a file that can't be read is a finding, not the end
}

// glob adds what a pattern matches, as a shell's arguments would.
func (x *expansion) glob(pattern string) error {
	// "specs/**" is the folder specs: all files in it, not all of them specs.
	for _, end := range []string{"/**", string(filepath.Separator) + "**"} {
		pattern = strings.TrimSuffix(pattern, end)
	}
	if pattern == "**" {
		pattern = "."
	}
	matches, err := doublestar.FilepathGlob(pattern, doublestar.WithNoHidden())
	switch {
	case err != nil:
		return usageError{fmt.Errorf("%q is no glob: %w", pattern, err)}
	case len(matches) == 0:
		return fmt.Errorf("nothing matches %q", pattern)
	}
	slices.Sort(matches)
	for _, m := range matches {
		if err := x.path(m); err != nil {
			return err
		}
	}
	return nil
}

// path adds a file, or the YAML files of a folder and the folders in it.
func (x *expansion) path(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		x.add(path, true)
		return nil
	}
	return x.folder(path)
}

// folder follows links to files, but not to folders, which might go in circles.
func (x *expansion) folder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch ending := strings.ToLower(filepath.Ext(path)); {
		case e.IsDir() && strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if err := x.folder(path); err != nil {
				return err
			}
		case ending == ".yaml" || ending == ".yml":
			if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
				continue
			}
			x.add(path, false)
		}
	}
	return nil
}
