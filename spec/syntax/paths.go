package syntax

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Paths in a spec: of files that it names, and of the folder for its checkpoints.

// forShells finds what a shell would expand: a home folder, a variable, a command.
var forShells = regexp.MustCompile(`^~(?:[A-Za-z_][A-Za-z0-9_-]*)?(?:[/\\]|$)|\$[A-Za-z_][A-Za-z0-9_]*|\$[{(][^})]*[})]|%[A-Za-z_][A-Za-z0-9_]*%`)

// expandHelp says what to do about a path that a shell would expand; "" for any other.
func expandHelp(path string) string {
	found := strings.TrimRight(forShells.FindString(path), `/\`)
	if found == "" {
		return ""
	}
	return fmt.Sprintf("`%s` isn't expanded; write the path relative to this file", diag.Cut(found))
}

// unexpanded warns of a path that a shell would expand.
func (d *decoder) unexpanded(n *tree.Node, path string) {
	if help := expandHelp(path); help != "" {
		d.report(diag.UnexpandedPath, n.Range, help, "`%s` is used literally", diag.CutPath(path))
	}
}

// path resolves a file that a spec names. One outside the spec's folder and the allowed
// ones is reported, and gives "".
func (d *decoder) path(n *tree.Node, name, what string, allowed []string, help string) string {
	if name == "" {
		d.report(diag.InvalidValue, n.Range, "", "the name of a %s is empty", what)
		return ""
	}
	path, err := resolvePath(d.file, name, allowed)
	if err != nil {
		d.report(diag.PathOutside, n.Range, cmp.Or(expandHelp(name), help), "the %s %s is outside the spec's folder", what, diag.CutPath(name))
		return ""
	}
	d.unexpanded(n, name)
	return path
}

// namedFile is path for a file that is read.
func (d *decoder) namedFile(f NamedFile) string {
	d.spec.Files = append(d.spec.Files, f)
	n, name := f.Node, f.Name
	return d.path(n, name, "file", d.importer.allowed, allowHelp(d.file, name))
}

// maxFolder bounds what a message says of a folder: half a path would be of no use.
const maxFolder = 1000

// allowHelp is what to do about a file outside of the spec's folder: it names the folder
// of the file, or the one that a pattern begins with.
func allowHelp(specFile, name string) string {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(specFile), path)
	}
	folder := filepath.Dir(path)
	for strings.ContainsAny(folder, "*?[") && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
	}
	if filepath.IsAbs(folder) && folder == filepath.Dir(folder) { // allowing all would be no advice
		return "move the file into the spec's folder"
	}
	if strings.ContainsFunc(folder, func(r rune) bool { return strings.ContainsRune(" \t\"'`$&;|<>()#!", r) || !unicode.IsPrint(r) }) {
		folder = strconv.Quote(folder)
	}
	if len(folder) > maxFolder {
		folder = "DIR"
	}
	return "move the file, or allow its folder with --allow-read " + folder
}

// resolvePath finds a file that a spec names, in the spec's folder or an allowed one. It
// looks at names only, not at the disk: whoever opens the file must not follow links out
// of these folders.
func resolvePath(specFile, name string, allowed []string) (string, error) {
	folder := filepath.Dir(specFile)
	local := filepath.FromSlash(name)
	if filepath.IsLocal(local) {
		return filepath.Join(folder, local), nil
	}
	path := local
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for _, dir := range allowed {
		root, err := filepath.Abs(dir)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(root, full); err == nil && filepath.IsLocal(rel) {
			return path, nil
		}
	}
	return "", errors.New("it is outside of all of them")
}
