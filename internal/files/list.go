package files

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxListed bounds how many names ListWithin looks at: a pattern that begins too high up
// is an error, not a long wait.
const maxListed = 1 << 20

// StatWithin describes a file or folder that must be in one of the folders after all
// links are resolved; otherwise the error is *Outside.
func StatWithin(dirs []string, path string) (info fs.FileInfo, err error) {
	err = within(dirs, path, func(root *os.Root, inside string) error {
		info, err = root.Stat(inside)
		return err
	})
	return info, err
}

// ListWithin gives the regular files that a path stands for, in the order of their
// names' bytes: the file itself, all files below a folder, or those that match a
// pattern, which is path.Match's for each element, and "**" for any number of folders.
// Elements that begin with a dot only match where the pattern's do. Links to folders
// aren't followed below the pattern's first element that isn't a plain name; below a
// folder, where all files are meant, and where an element other than "**" matches it, one
// is an error, and so is what matches and is neither a regular file nor a folder.
// Everything must be in one of the folders, as for [OpenWithin]. It is an error if there is
// no file.
func ListWithin(ctx context.Context, dirs []string, pattern string) ([]string, error) {
	base, elements := split(pattern)
	info, err := StatWithin(dirs, pattern)
	switch {
	case err == nil && info.Mode().IsRegular():
		return []string{pattern}, nil
	case err == nil && info.IsDir():
		base, elements = pattern, []string{"**", "*"}
	case err == nil:
		return nil, &fs.PathError{Op: "open", Path: pattern, Err: NotRegular{info.Mode()}}
	case len(elements) == 0:
		return nil, err
	}
	for _, e := range elements {
		if _, err := path.Match(e, ""); err != nil {
			return nil, fmt.Errorf("%s: %q is no pattern of names: a [ that is meant as it stands is \\[", pattern, e)
		}
	}
	var found []string
	err = within(dirs, base, func(root *os.Root, inside string) error {
		found, err = walk(ctx, root, base, filepath.ToSlash(inside), elements, func(below string, mode fs.FileMode) (bool, error) {
			return wanted(dirs, filepath.Join(base, filepath.FromSlash(below)), mode, base == pattern)
		})
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 && base == pattern:
		return nil, fmt.Errorf("%s: %w without files", pattern, NotRegular{fs.ModeDir})
	case len(found) == 0:
		return nil, fmt.Errorf("%s: no file's name matches: %w", pattern, fs.ErrNotExist)
	}
	slices.Sort(found)
	for i, name := range found {
		found[i] = filepath.Join(base, filepath.FromSlash(name))
	}
	return found, nil
}

// split divides a pattern into a folder of plain names and the elements that follow,
// none if there is no pattern in it.
func split(pattern string) (base string, elements []string) {
	elements = strings.Split(filepath.ToSlash(pattern), "/")
	n := slices.IndexFunc(elements, func(e string) bool { return strings.ContainsAny(e, `*?[`) })
	if n < 0 {
		return pattern, nil
	}
	base = filepath.FromSlash(strings.Join(elements[:n], "/"))
	switch {
	case base == "" && n > 0:
		base = string(filepath.Separator)
	case base == "":
		base = "."
	}
	return base, elements[n:]
}

// wanted reports whether a path that matches is a regular file, or a link to one. What is
// no file isn't passed over in silence, and nor is a link to a folder if all files are
// meant.
func wanted(dirs []string, path string, mode fs.FileMode, all bool) (bool, error) {
	if mode&fs.ModeSymlink != 0 {
		info, err := StatWithin(dirs, path)
		if err != nil {
			return false, err
		}
		mode = info.Mode()
	}
	switch {
	case mode.IsRegular():
		return true, nil
	case !mode.IsDir():
		return false, fmt.Errorf("%s: %w", path, NotRegular{mode})
	case all:
		return false, linked(path)
	}
	return false, nil
}

// linked is the error for a link to a folder whose files are meant.
func linked(path string) error {
	return fmt.Errorf("%s is a link to a folder, which isn't followed, so that its files would be missing: put them there, or remove it", path)
}

// walk gives the files below a folder whose names from there match a pattern and which are
// wanted. Messages call the folder base.
func walk(ctx context.Context, root *os.Root, base, folder string, elements []string, wanted func(below string, mode fs.FileMode) (bool, error)) (found []string, err error) {
	count := 0
	tree := root.FS()
	deep := slices.Contains(elements, "**")
	err = fs.WalkDir(tree, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil && !utf8.ValidString(name) {
			return fmt.Errorf("the name of the folder %q is not UTF-8, so it can't be read: rename it", name)
		}
		if err != nil || name == folder {
			return err
		}
		if count++; count > maxListed {
			return fmt.Errorf("there are more than %d names below %s: name a folder further down", maxListed, base)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		below := name
		if folder != "." {
			below = strings.TrimPrefix(name, folder+"/")
		}
		names := strings.Split(below, "/")
		if d.IsDir() {
			if !leads(elements, names) || !deep && len(names) >= len(elements) {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case matches(elements, names):
		case d.Type()&fs.ModeSymlink == 0 || !leadsByName(elements, names):
			return nil
		default:
			if info, err := fs.Stat(tree, name); err != nil || !info.IsDir() {
				return nil // files below it would have matched
			}
			return linked(filepath.Join(base, filepath.FromSlash(below)))
		}
		ok, err := wanted(below, d.Type())
		if ok {
			found = append(found, below)
		}
		return err
	})
	return found, err
}

// leads reports whether names that match the elements may lie below a folder.
func leads(elements, names []string) bool {
	for i, name := range names {
		if i >= len(elements) {
			return false
		}
		if elements[i] == "**" {
			return !slices.ContainsFunc(names[i:], func(n string) bool { return strings.HasPrefix(n, ".") && !dotted(elements[i:]) })
		}
		if !matchesOne(elements[i], name) {
			return false
		}
	}
	return true
}

// leadsByName reports whether names that match may lie below a folder that elements other
// than "**" match.
func leadsByName(elements, names []string) bool {
	return len(names) < len(elements) && !slices.Contains(elements[:len(names)], "**") && leads(elements, names)
}

// dotted reports whether some element asks for names that begin with a dot.
func dotted(elements []string) bool {
	return slices.ContainsFunc(elements, func(e string) bool { return strings.HasPrefix(e, ".") })
}

// matches reports whether all names match all elements. Each pair is looked at once.
func matches(elements, names []string) bool {
	// at[i]: the names so far match the first i elements.
	at := make([]bool, len(elements)+1)
	at[0] = true
	for i := 0; i < len(elements) && elements[i] == "**"; i++ {
		at[i+1] = true
	}
	for _, name := range names {
		next := make([]bool, len(at))
		for i, e := range elements {
			switch {
			case !at[i]:
			case e == "**":
				if !strings.HasPrefix(name, ".") {
					next[i] = true
				}
			case matchesOne(e, name):
				next[i+1] = true
			}
		}
		for i, e := range elements {
			if e == "**" && next[i] {
				next[i+1] = true
			}
		}
		at = next
	}
	return at[len(elements)]
}

// matchesOne reports whether a name matches an element that isn't "**".
func matchesOne(element, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(element, ".") {
		return false
	}
	ok, _ := path.Match(element, name)
	return ok
}
