package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// Format is a kind of text file.
type Format struct {
	Version string     // of the code that reads it: with another, a table is made again
	Names   [][]string // the place of each element of each field in a row, for messages
	// Read reads the rows of one file. Faults go through Rows; an error ends reading.
	Read func(content io.Reader, rows *Rows) error
}

// Paths lists the files of a declaration, in its order. A file that is named twice is an
// error: its rows would silently weigh twice.
func Paths(ctx context.Context, in *table.Input) ([]string, error) {
	var paths []string
	from := map[string]string{}
	for _, f := range in.Decl.Files {
		// A folder's files may be anything; which are meant, a pattern says.
		if info, err := in.Files.Stat(f.Path); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a folder; name its files, or give a pattern for their names", diag.CutPath(f.Path))
		}
		found, err := in.Files.List(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if earlier, twice := from[path]; twice {
				return nil, fmt.Errorf("%s is named twice, by %s and %s; to draw its examples more often, mix it with a weight",
					diag.CutPath(path), diag.Quote(earlier), diag.Quote(f.Name))
			}
			from[path] = f.Name
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		return nil, errors.New("no files")
	}
	return paths, nil
}

// Open makes the table of some files, or finds it as it was made before.
func Open(ctx context.Context, in *table.Input, paths []string, format Format) (table.Table, error) {
	hashes := make([]string, len(paths))
	for i, path := range paths {
		var err error
		if hashes[i], err = hash(ctx, in, path); err != nil {
			return nil, err
		}
	}
	columns := make([]table.Column, len(in.Decl.Fields))
	for i := range columns {
		columns[i].Type = stored(&in.Decl.Fields[i])
	}
	key, err := keyOf(in.Decl, format.Version, hashes)
	if err != nil {
		return nil, err
	}
	made, err := in.Prepare(ctx, key, columns, func(w table.Writer) error { return fill(ctx, in, w, paths, hashes, format) })
	if err != nil {
		return nil, err
	}
	for _, note := range made.Notes() {
		in.Tell("%s: %s", describe(paths), note)
	}
	return &opened{made, paths, format.Names}, nil
}

// fill reads all files into a table.
func fill(ctx context.Context, in *table.Input, w table.Writer, paths, hashes []string, format Format) error {
	// A table may be found again under other paths: it keeps the files' numbers only.
	numbers := make([]string, len(paths))
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	w.Files(numbers)
	rows := newRows(in, w, format.Names)
	for i, path := range paths {
		rows.file, rows.path = i, path
		f, err := in.Files.Open(path)
		if err != nil {
			return err
		}
		sum := prepared.NewContentHash()
		content := io.TeeReader(&reader{ctx, f}, sum)
		if err = format.Read(content, rows); err == nil {
			_, err = io.Copy(io.Discard, content) // where a fault ended reading
		}
		f.Close()
		if err == nil {
			err = w.Hashed(path, hashes[i], sum.String())
		}
		if err != nil {
			return err
		}
	}
	if rows.rows == 0 && in.Faultless() == nil {
		return fmt.Errorf("%s: no examples", describe(paths))
	}
	if rows.rows > 0 && rows.dropped == rows.rows {
		return fmt.Errorf("%s: no examples are left: %s", describe(paths), rows.droppedNote())
	}
	return rows.finish()
}

// hashedAtOnce is how much of a file is read at once to hash it.
const hashedAtOnce = 256 << 10

// hash gives the content hash of a file.
func hash(ctx context.Context, in *table.Input, path string) (string, error) {
	f, err := in.Files.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := prepared.NewContentHash()
	if _, err := io.CopyBuffer(sum, &reader{ctx, f}, make([]byte, hashedAtOnce)); err != nil {
		return "", fmt.Errorf("%s: %w", diag.CutPath(path), err)
	}
	return sum.String(), nil
}

// reader reads until its context is done.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// keyOf identifies the values of a table: what was read and how, but not its place.
func keyOf(d *table.Decl, version string, hashes []string) (string, error) {
	type part struct {
		Name, Type string
		Options    map[string]any
		Classes    bool
		Names      []string // an empty text is a class if it is listed
		Fill       table.Fill
	}
	values := func(o table.Options) map[string]any {
		m := map[string]any{}
		for name, option := range o {
			m[name] = option.Value
		}
		return m
	}
	parts := make([]part, len(d.Fields))
	for i, f := range d.Fields {
		parts[i] = part{Name: f.Name, Type: f.Type.String(), Options: values(f.Options), Classes: f.Classes != nil, Fill: f.Fill}
		if f.Classes != nil && slices.Contains(f.Classes.Names, "") {
			parts[i].Names = []string{""}
		}
	}
	text, err := json.Marshal([]any{d.Kind, version, hashes, values(d.Options), parts})
	return string(text), err
}

// describe names the files for messages about all of them.
func describe(paths []string) string {
	if len(paths) == 1 {
		return diag.CutPath(paths[0])
	}
	return fmt.Sprintf("%s and %s", diag.CutPath(paths[0]), diag.Count(len(paths)-1, "other file"))
}

// opened is a table whose examples were the rows of files.
type opened struct {
	table.Prepared
	paths []string
	names [][]string
}

var _ table.Joint = (*opened)(nil)

// ReadFields implements table.Joint.
func (o *opened) ReadFields(fields []int, rows []int64, dst [][]byte) error {
	return table.ReadFields(o.Prepared, fields, rows, dst)
}

// At implements table.Table.
func (o *opened) At(row int64, field int) table.Place {
	place := o.row(row)
	const most = 4
	if names := o.names[field]; len(names) <= most {
		place.Column = strings.Join(names, ", ")
	} else {
		place.Column = names[0] + ", …, " + names[len(names)-1]
	}
	return place
}

// ElementAt implements table.Sequenced.
func (o *opened) ElementAt(row int64, field, element int) table.Place {
	place := o.row(row)
	place.Column = o.names[field][element]
	return place
}

func (o *opened) row(row int64) table.Place {
	number, line := o.Origin(row)
	file := ""
	if i, err := strconv.Atoi(number); err == nil && i < len(o.paths) {
		file = o.paths[i]
	}
	return table.Place{File: file, Row: line}
}
