package edit

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// Move gives the text of a rendered spec as it reads in another folder: the files that it
// names are found from there. Absolute names stay. What the spec says of the folder for
// checkpoints becomes the one that is given, from the new folder. A spec with errors gives
// "".
func Move(name, text string, o syntax.Options, folder, checkpoints string) (moved string, list diag.List) {
	list = diag.NewList(name)
	o.Set, o.VarsFiles, o.Seed = nil, nil, nil // they are in the text
	whole := list.Bounded(func() {
		def := syntax.Decode(name, []byte(text), o, &list)
		if def == nil || list.HasErrors() {
			return
		}
		ends := strings.HasSuffix(text, "\n")
		if !ends {
			text += "\n"
		}
		list.Budget.Spend(diag.Reading, renderCost*len(text))
		r := newRenderer(name, text)
		r.moveFiles(def, prefix(filepath.Dir(name), folder))
		if dir := checkpointFolder(def.Root); dir != nil && dir.Text != checkpoints {
			r.edit(dir.Offset, dir.End, stringText(checkpoints))
			r.note(dir.Offset, "was "+strings.Join(strings.Fields(dir.Text), " "), "")
		}
		moved = r.text()
		if !ends {
			moved = strings.TrimSuffix(moved, "\n")
		}
	})
	list.Sort()
	if !whole || list.HasErrors() {
		return "", list
	}
	return moved, list
}

// checkpointFolder is where the folder for checkpoints is named, or nil.
func checkpointFolder(n *tree.Node) *tree.Node {
	for _, key := range []string{"train", "checkpoint", "dir"} {
		if n = n.Get(key); n == nil {
			return nil
		}
	}
	return n
}

// prefix is the way from a folder to another, with slashes: relative where there is one.
func prefix(to, from string) string {
	full, err := filepath.Abs(to)
	if err != nil {
		return filepath.ToSlash(to)
	}
	if base, err := filepath.Abs(from); err == nil {
		if way, err := filepath.Rel(base, full); err == nil {
			return filepath.ToSlash(way)
		}
	}
	return filepath.ToSlash(full)
}

// moveFiles writes a way before the names of files.
func (r *renderer) moveFiles(def *syntax.Spec, way string) {
	if way == "." {
		return
	}
	done := map[*tree.Node]bool{}
	for _, f := range def.Files {
		if done[f.Node] || filepath.IsAbs(filepath.FromSlash(f.Name)) {
			continue
		}
		done[f.Node] = true
		r.edit(f.Node.Offset, f.Node.End, quoteYAML(from(way, f)))
	}
}

// from is a name of a file behind a way to its folder. Vars and patterns in it stay.
func from(way string, f syntax.NamedFile) string {
	text := f.Node.Text
	if !f.Pattern {
		text = filepath.ToSlash(text)
	} else if strings.ContainsAny(f.Name, "*?[") {
		way = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(way)
	}
	way = strings.NewReplacer("{", "{{", "}", "}}").Replace(way)
	if strings.ContainsAny(text, "{}") { // a var may hold a part of the way
		return way + "/" + text
	}
	return path.Join(way, text)
}
