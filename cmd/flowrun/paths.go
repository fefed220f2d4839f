package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun/spec"
)

// source is a file to check, or what stands in the place of one that can't be.
type source struct {
	path  string
	named bool  // on the command line, not found in a folder
	stdin bool  // it is read from standard input, whatever it is called
	fault error // why there is no file: nothing matches a glob, a folder can't be read
}

// read gives the file's text, up to a little more than a spec may be long.
func (f source) read(in io.Reader) ([]byte, error) {
	switch {
	case f.fault != nil:
		return nil, f.fault
	case f.stdin:
		return spec.Read(in)
	}
	return spec.ReadFile(f.path)
}

// specLine is the line by which a file in a folder is known to be a spec, also
// where the rest of it isn't YAML.
var specLine = regexp.MustCompile(`(?m)^\x{FEFF}?(\{[ \t]*)?(flowrun|"flowrun"|'flowrun')[ \t]*:`)

func isSpec(text []byte) bool { return specLine.Match(text) }

// stdinFlag is --stdin-filename.
func stdinFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "stdin-filename", stdin, "report standard input as `FILE`, and resolve its imports relative to it")
}

// expand finds the files that arguments stand for, each once however often it is
// named, in the order of the arguments and in folders by name. An argument that stands for none is a
// source with a fault, which hides none of the others.
func expand(args []string, stdinName string) ([]source, error) {
	if stdinName != stdin && !slices.Contains(args, "-") {
		return nil, usageError{errors.New("--stdin-filename names standard input, but no path is -")}
	}
	x := expansion{index: map[string]int{}, stdin: stdinName}
	for _, arg := range args {
		x.argument(arg)
	}
	return x.files, nil
}

type expansion struct {
	files []source
	index map[string]int // into files, by what a path leads to
	stdin string         // what standard input is called
}

func (x *expansion) add(f source) {
	key := destination(f.path)
	if i, known := x.index[key]; known { // standard input replaces the file of its name
		f.named, f.stdin = f.named || x.files[i].named, f.stdin || x.files[i].stdin
		x.files[i].named, x.files[i].stdin = f.named, f.stdin
		return
	}
	x.index[key] = len(x.files)
	x.files = append(x.files, f)
}

// destination is the same for all names of a file: cleaned, absolute, links followed.
func destination(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return filepath.Clean(path)
}

func (x *expansion) argument(arg string) {
	if arg == "-" {
		x.add(source{path: x.stdin, named: true, stdin: true})
		return
	}
	_, err := os.Stat(arg)
	if errors.Is(err, os.ErrNotExist) && strings.ContainsAny(arg, "*?[{") {
		x.glob(arg)
		return
	}
	x.path(arg) // a file that can't be read is a finding, not the end
}

// glob adds what a pattern matches, as a shell's arguments would.
func (x *expansion) glob(arg string) {
	// "specs/**" is the folder specs: all files in it, not all of them specs.
	pattern := arg
	for _, end := range []string{"/**", string(filepath.Separator) + "**"} {
		pattern = strings.TrimSuffix(pattern, end)
	}
	if pattern == "**" {
		pattern = "."
	}
	matches, err := doublestar.FilepathGlob(pattern, doublestar.WithNoHidden(), doublestar.WithNoFollow())
	switch {
	case err != nil:
		x.add(source{path: arg, named: true, fault: usageError{errors.New("invalid glob: a bracket isn't closed")}})
	case len(matches) == 0:
		x.add(source{path: arg, named: true, fault: errors.New("no file matches")})
	}
	slices.Sort(matches)
	for _, m := range matches {
		if !leadsToFolder(m) {
			x.path(m)
		}
	}
}

// leadsToFolder tells links to folders, which only an argument follows: in a tree
// they lead in circles, or to where the same files are found again.
func leadsToFolder(path string) bool {
	link, err := os.Lstat(path)
	if err != nil || link.Mode()&os.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// path adds a file, or the YAML files of a folder and the folders in it.
func (x *expansion) path(path string) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		x.add(source{path: path, named: true})
		return
	}
	x.folder(path)
}

// folder follows links to files, but not to folders, which might go in circles.
func (x *expansion) folder(dir string) {
	entries, err := os.ReadDir(dir) // what could be read of it comes with the error
	if err != nil {
		x.add(source{path: dir, named: true, fault: err})
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch ending := strings.ToLower(filepath.Ext(path)); {
		case e.IsDir() && strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			x.folder(path)
		case ending == ".yaml" || ending == ".yml":
			if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
				continue
			}
			x.add(source{path: path})
		}
	}
}
