package spec

import (
	"bytes"

	"github.com/flowrun/flowrun/diag"
)

// IsModules reports whether a text is, by its keys, a file of modules for others
// to import, and no spec: it has modules or optimizers, and no model.
func IsModules(src []byte) bool {
	modules := false
	for line := range bytes.Lines(src) {
		switch leadingKey(line) {
		case "model":
			return false
		case "modules", "optimizers":
			modules = true
		}
	}
	return modules
}

// leadingKey is the key that a line without indentation begins with; "" if it begins
// with none, or with one that is longer than those looked for.
func leadingKey(line []byte) string {
	const longest = len(`"optimizers"`)
	key, _, found := bytes.Cut(line, []byte(":"))
	if !found || len(bytes.TrimRight(key, " \t")) > longest {
		return ""
	}
	key = bytes.TrimRight(key, " \t")
	if len(key) > 0 && (key[0] == '"' || key[0] == '\'') {
		key = key[1:]
	}
	if last := len(key) - 1; last >= 0 && (key[last] == '"' || key[last] == '\'') {
		key = key[:last]
	}
	return string(key)
}

// ParseModules reads and checks a file of modules as an import does. Shapes are
// checked where modules are called, so not here.
func ParseModules(name string, src []byte, o Options) diag.List {
	list := diag.NewList(name)
	list.Bounded(func() {
		d := &decoder{list: &list, importer: newImporter(name, o.AllowRead), file: name}
		d.read(&importedFile{path: name}, string(src), diag.Range{File: name})
	})
	list.ApplyIgnores("") // warnings depend on the calls
	list.Sort()
	return list
}
