package syntax

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// maxImports bounds the files that a spec imports, and those imported by them.
const maxImports = 200

// importer reads imported files, each once, for a spec and all that it imports.
type importer struct {
	spec    string            // the spec's file
	allowed []string          // folders outside of its own that it may read
	texts   map[string]string // of files that were read before
	files   map[string]*File
	Order   []*File // as they were first imported
	Done    []*File // those that were read, each after what it imports
}

// File is a file of modules and optimizers.
type File struct {
	Path  string
	stage stage
	Root  *tree.Node
	Lib   *Library // its names, once it is done

	byName map[string]*Module // its own, once one was asked for
}

// named finds one of a file's own modules and optimizers, or nil.
func (f *File) named(name string) *Module {
	if f.byName == nil {
		f.byName = make(map[string]*Module, len(f.Lib.Own))
		for _, m := range f.Lib.Own {
			if f.byName[m.Name] == nil {
				f.byName[m.Name] = m
			}
		}
	}
	return f.byName[name]
}

// stage is how far the reading of a file is.
type stage uint8

const (
	reading stage = iota
	failed        // reported
	done
)

// Import is what an import makes known, to find out whether anything needs it.
type Import struct {
	At      diag.Range
	File    string
	Name    string // "" for all of a file
	Modules []*Module
}

func newImporter(spec string, o Options) *importer {
	self := absolute(spec)
	// The spec is being read: to import it is a cycle.
	return &importer{spec: spec, allowed: o.AllowRead, texts: o.Texts, files: map[string]*File{self: {Path: spec}}}
}

// absolute is the one name of a file, however it was named; links aside.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return filepath.Clean(path)
}

// imports decodes a list of imports, and adds their names to the library.
func (d *decoder) imports(n *tree.Node) {
	if n == nil {
		return
	}
	if !d.is(n, tree.List, importsHelp(n), "imports must be a list") {
		d.lib.Open = true
		return
	}
	for _, item := range n.Items {
		from, names := item, (*tree.Node)(nil)
		if item.Kind == tree.Map {
			fields, ok := d.fields(item, importSection)
			if !ok || fields["from"] == nil {
				d.lib.Open = true
				continue
			}
			from, names = fields["from"], fields["names"]
		}
		text, ok := d.fileName(from)
		if !ok {
			d.lib.Open = true
			continue
		}
		f := d.imported(text, from.Range)
		if f == nil {
			d.lib.Open = true
			d.bring(nil, from, names)
			continue
		}
		d.unexpanded(from, text)
		d.lib.Open = d.lib.Open || f.Lib.Open && names == nil
		d.bring(f, from, names)
	}
}

// importsHelp says how to write the list of imports that a value was meant to be.
func importsHelp(n *tree.Node) string {
	var files []string
	switch {
	case n.Kind == tree.String:
		files = append(files, n.Text)
	case n.Kind == tree.Map && n.Get("from") != nil:
		return "put it in brackets: [{from: FILE, …}]"
	}
	for _, e := range n.Entries {
		if e.Value.Kind == tree.String && len(files) < 12 {
			files = append(files, diag.Cut(e.Value.Text))
		}
	}
	if len(files) == 0 {
		return "write [FILE], or [{from: FILE, names: [NAME]}]"
	}
	return "write [" + strings.Join(files, ", ") + "]"
}

// fileName decodes the name of an imported file.
func (d *decoder) fileName(n *tree.Node) (string, bool) {
	return n.Text, d.is(n, tree.String, "use a file name, or {from: blocks.yaml, names: [Block]}", "an import must be a file name")
}

// bring adds names of an imported file to the library: all of its own, a list of them,
// or some under other names. Without a file, which was reported, it only checks the
// names' form.
func (d *decoder) bring(f *File, from, names *tree.Node) {
	switch {
	case names == nil && f == nil:
	case names == nil:
		u := &Import{At: from.Range, File: from.Text}
		d.list.Budget.Spend(diag.Comparing, BindCost*len(f.Lib.Own))
		for _, m := range f.Lib.Own {
			d.know(m, m.Name, from.Range)
			u.Modules = append(u.Modules, m)
		}
		d.lib.Uses = append(d.lib.Uses, u)
	case names.Broken:
		d.lib.Open = true
	case names.Kind == tree.List:
		for _, item := range names.Items {
			d.bringItem(f, item, from.Text)
		}
	case names.Kind == tree.Map:
		for _, e := range names.Entries {
			if alias, ok := d.text(e.Value, "the new name"); ok {
				if !expr.IsName(alias) {
					d.lib.Open = true
					d.report(diag.InvalidName, e.Value.Range, nameRule, "`%s` is not a name", diag.Cut(alias))
					continue
				}
				d.bringOne(f, e.Key.Text, alias, from.Text, e.Key.Range, e.Value.Range)
			}
		}
	default:
		d.lib.Open = true
		d.report(diag.WrongType, names.Range, "write [Block], or {Block: OtherName}", "names must be a list of names or a mapping, not %s", names.Kind)
	}
}

// bringItem makes one name of a list known.
func (d *decoder) bringItem(f *File, item *tree.Node, file string) {
	if item.Kind == tree.Map && len(item.Entries) == 1 && !item.Broken {
		e := item.Entries[0]
		d.report(diag.WrongType, item.Range, "write names: {"+diag.Cut(e.Key.Text)+": "+diag.Cut(e.Value.Text)+"}", "the name of a module must be a string, not %s", item.Kind)
		d.lib.Open = true
		return
	}
	text, ok := d.text(item, "the name of a module")
	if !ok {
		d.lib.Open = true
		return
	}
	if name, alias, as := strings.Cut(text, " as "); as {
		d.lib.Open = true
		d.report(diag.InvalidName, item.Range, "write names: {"+diag.Cut(name)+": "+diag.Cut(alias)+"}", "`%s` is not a name", diag.Cut(text))
		return
	}
	d.bringOne(f, text, text, file, item.Range, item.Range)
}

func (d *decoder) bringOne(f *File, name, alias, file string, at, aliasAt diag.Range) {
	if f == nil {
		return
	}
	if m := f.named(name); m != nil {
		d.know(m, alias, aliasAt)
		d.lib.Uses = append(d.lib.Uses, &Import{At: at, File: file, Name: alias, Modules: []*Module{m}})
		return
	}
	d.lib.Open = true
	if f.Lib.Open || d.list.Full() {
		return
	}
	var own []string
	for _, m := range f.Lib.Own {
		own = append(own, m.Name)
	}
	help := Suggestion(d.list, name, own)
	if help == "" && len(own) > 0 {
		help = "available: " + strings.Join(own[:min(len(own), 12)], ", ")
	}
	d.report(diag.UnknownName, at, help, "%s has no module or optimizer %s", file, Spelled(name))
}

// know makes an imported module known under a name.
func (d *decoder) know(m *Module, name string, at diag.Range) {
	known := d.lib.Named(m.Optimizer)
	switch old := known[name]; {
	case old != nil && old.Std && !(m.Override && name == m.Name):
		d.report(diag.ShadowedModule, at, "import it under another name: names: {"+m.Name+": OtherName}", "%s already exists in the standard library", name)
		return
	case old != nil && !old.Std:
		d.list.Add(diag.Diagnostic{Rule: diag.DuplicateName, Range: at, Message: fmt.Sprintf("%s is imported twice", name),
			Notes: []diag.Note{{Message: "first imported here", Range: old.At}},
			Help:  "import it under another name: names: {" + m.Name + ": OtherName}"})
		return
	case LookupOp(name) != nil && !m.Optimizer:
		d.report(diag.ReservedName, at, "import it under another name", "%s is the name of an operation", name)
		return
	}
	known[name] = m
}

// imported reads a file that the decoder's file imports. It is nil if that fails, which
// was reported.
func (d *decoder) imported(name string, at diag.Range) *File {
	im := d.importer
	path, err := im.locate(d.file, name)
	if err != nil {
		d.report(diag.PathOutside, at, cmp.Or(expandHelp(name), allowHelp(d.file, name)), "%s", err)
		return nil
	}
	key := absolute(path)
	if f := im.files[key]; f != nil {
		switch f.stage {
		case reading:
			d.report(diag.Cycle, at, "move shared modules into a separate file", "import cycle: %s imports itself", diag.Cut(name))
			return nil
		case failed:
			return nil
		}
		return f
	}
	if len(im.Order) == maxImports {
		d.report(diag.TooLarge, at, "", "too many imports; the limit is %d files", maxImports)
		return nil
	}
	f := &File{Path: path}
	im.files[key] = f
	im.Order = append(im.Order, f)
	src, err := im.readInside(path)
	if err != nil {
		f.stage = failed
		why := Reason(err)
		if errors.Is(err, fs.ErrNotExist) {
			why = "no such file"
		}
		d.report(diag.Unreadable, at, importHelp(path, name), "can't read %s: %s", diag.CutPath(name), why)
		return nil
	}
	d.read(f, string(src), at)
	if f.stage == failed {
		return nil
	}
	return f
}

// importHelp says what to import instead of a file that can't be read.
func importHelp(path, name string) string {
	library, _, _ := strings.Cut(strings.ReplaceAll(name, " ", "."), ".")
	if foreign.Namespaces[library] || library == "tensorflow" {
		return library + " isn't needed: operations and layers are built in"
	}
	for _, ending := range []string{".yaml", ".yml"} {
		for _, stem := range []string{path, strings.TrimSuffix(path, filepath.Ext(path))} {
			if info, err := os.Lstat(stem + ending); err == nil && info.Mode().IsRegular() {
				return "write " + name[:len(name)-(len(path)-len(stem))] + ending
			}
		}
	}
	return cmp.Or(expandHelp(name), "import paths are relative to the importing file")
}

// read decodes a file of modules. It sees the standard library and
// what it imports itself, nothing of the files that import it.
func (d *decoder) read(f *File, src string, at diag.Range) {
	f.stage = failed
	root := tree.Parse(f.Path, src, d.list)
	if root == nil {
		return
	}
	if root.Get("model") != nil || root.Get("train") != nil {
		d.report(diag.InvalidValue, at, "move its modules into a separate file and import that in both",
			"%s is a spec; only files of modules can be imported", diag.Cut(filepath.Base(f.Path)))
		return
	}
	in := &decoder{list: d.list, importer: d.importer, file: f.Path}
	before := len(d.list.Items)
	fields, ok := in.fields(root, LibrarySection)
	if !ok || !in.version(fields["flowrun"]) {
		return
	}
	faulty := len(d.list.Items) > before
	f.stage = reading
	f.Root, f.Lib = root, in.library(fields["imports"], fields["modules"], fields["optimizers"])
	f.Lib.Open = f.Lib.Open || root.Partial || faulty
	in.countUses()
	f.stage = done
	d.importer.Done = append(d.importer.Done, f)
}

// folders are those in which a spec may name files: its own, and those that were
// allowed.
func (im *importer) folders() []string { return append([]string{filepath.Dir(im.spec)}, im.allowed...) }

// locate finds an imported file, which must be named in one of the folders.
func (im *importer) locate(from, name string) (path string, err error) {
	path = filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	for _, folder := range im.folders() {
		if rel, err := filepath.Rel(absolute(folder), absolute(path)); err == nil && filepath.IsLocal(rel) {
			return path, nil
		}
	}
	return "", fmt.Errorf("the file %s is outside the spec's folder", diag.CutPath(name))
}

// readInside reads a file in the folders. A link that leads out of them is an error.
func (im *importer) readInside(path string) ([]byte, error) {
	if text, read := im.texts[path]; read {
		return []byte(text), nil
	}
	f, err := files.OpenWithin(im.folders(), path)
	if out := new(files.Outside); errors.As(err, &out) {
		return nil, fmt.Errorf("it leads to %s, outside the spec's folder", out.Real)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f)
}

// DecodeModules decodes a file of modules as an import does. It gives the files that
// are part of it, each after what it imports.
func DecodeModules(name string, src []byte, o Options, list *diag.List) []*File {
	d := &decoder{list: list, importer: newImporter(name, o), file: name}
	d.read(&File{Path: name}, string(src), diag.Range{File: name})
	return d.importer.Done
}
