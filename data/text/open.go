package text

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
)

// open reads the files once and counts their windows.
func open(ctx context.Context, in *table.Input) (table.Table, error) {
	t := &texts{fields: in.Decl.Fields, characters: in.Decl.Options.Text(keyTokens) == byCharacters, across: in.Decl.Options.Bool(keyAcross)}
	t.measure(in.Decl)
	err := t.openAll(ctx, in)
	if err == nil {
		err = t.count(in)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.fingerprint = t.identify()
	return t, nil
}

// measure finds the stride and what part of a window its fields take.
func (t *texts) measure(d *table.Decl) {
	for i := range t.fields {
		f := &t.fields[i]
		if i == 0 || offset(f) < t.from {
			t.from = offset(f)
		}
		if end := offset(f) + length(f); end > t.to {
			t.to, t.last = end, f
		}
		t.stride = max(t.stride, length(f))
	}
	if n := d.Options.Int(keyStride); n > 0 {
		t.stride = n
	}
}

func (t *texts) openAll(ctx context.Context, in *table.Input) error {
	var all []string
	for _, declared := range in.Decl.Files {
		paths, err := in.Files.List(ctx, declared.Path)
		if err != nil {
			return err
		}
		all = append(all, paths...)
	}
	sizes, total := make([]int64, len(all)), int64(0)
	for i, path := range all {
		info, err := in.Files.Stat(path)
		if err != nil {
			return err
		}
		sizes[i] = info.Size()
		total += sizes[i]
	}
	library := prepared.NewLibrary(in.Files)
	for i, path := range all {
		if err := t.openOne(ctx, in, library, path, marksFor(sizes[i], total)); err != nil {
			return err
		}
	}
	return in.Faultless()
}

func (t *texts) openOne(ctx context.Context, in *table.Input, library *prepared.Library, path string, marks int) error {
	file, err := library.Open(ctx, path)
	if err != nil {
		return err
	}
	d := &document{path: path, file: file, first: t.tokens, tokens: file.Size()}
	t.documents = append(t.documents, d)
	if t.characters {
		x, broken, err := scan(ctx, io.NewSectionReader(file, 0, file.Size()), marks, &t.book)
		if err != nil {
			return err
		}
		if broken != nil {
			head := make([]byte, min(64, file.Size()))
			if _, err := file.ReadAt(head, 0); err != nil {
				return err
			}
			return in.Report(&table.Fault{Place: table.Place{File: path, Row: broken.line, Char: broken.char}, Message: complain(head, broken)})
		}
		d.index, d.tokens = x, x.count
	}
	t.tokens += d.tokens
	return nil
}

// count finds how many windows each file has.
func (t *texts) count(in *table.Input) error {
	windows := func(tokens int64) int64 {
		if tokens < t.to {
			return 0
		}
		return (tokens-t.to)/t.stride + 1
	}
	what, longest, short := t.unit(), t.tokens, 0
	if t.across {
		t.windows = windows(t.tokens)
	} else {
		longest = 0
		for _, d := range t.documents {
			d.row = t.windows
			n := windows(d.tokens)
			if t.windows += n; n == 0 {
				short++
			}
			longest = max(longest, d.tokens)
		}
	}
	if t.windows == 0 {
		if err := in.Report(&table.Fault{Place: table.Place{File: t.name(in.Decl)}, Message: t.tooShort(longest)}); err != nil {
			return err
		}
		return in.Faultless()
	}
	if short > 0 {
		in.Tell("%s of %d are shorter than a window of %d %s, and give no example (the first is %s)",
			diag.Count(short, "file"), len(t.documents), t.to, what, diag.CutPath(t.shortest().path))
	}
	return nil
}

// name is what messages call the files.
func (t *texts) name(d *table.Decl) string {
	if len(t.documents) == 1 {
		return t.documents[0].path
	}
	return d.Files[0].Name
}

// shortest gives the first file without a window.
func (t *texts) shortest() *document {
	for _, d := range t.documents {
		if d.tokens < t.to {
			return d
		}
	}
	return nil
}

func (t *texts) tooShort(longest int64) string {
	has := fmt.Sprintf("the text has %d %s", longest, t.unit())
	if !t.across && len(t.documents) > 1 {
		has = fmt.Sprintf("the longest of %d files has %d %s", len(t.documents), longest, t.unit())
	}
	needs := fmt.Sprintf("a window needs %d", t.to)
	if t.last != nil && offset(t.last) > 0 {
		needs += fmt.Sprintf(" (%d of field %s, after an offset of %d)", length(t.last), t.last.Name, offset(t.last))
	}
	return has + ", and " + needs
}

// unit names the tokens.
func (t *texts) unit() string {
	if t.characters {
		return byCharacters
	}
	return byBytes
}

// identify hashes all that the values depend on.
func (t *texts) identify() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "text 1 %s stride %d across %t\n", t.unit(), t.stride, t.across)
	for i := range t.fields {
		fmt.Fprintf(&b, "field %s %s offset %d\n", t.fields[i].Name, t.fields[i].Type, offset(&t.fields[i]))
	}
	for _, d := range t.documents {
		fmt.Fprintf(&b, "file %s\n", d.file.Hash())
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}
