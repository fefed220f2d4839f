package tabletest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// Decl makes the declaration of a data source from lines such as these:
//
//	header=false missing=,NA
//	x f32[2] columns=a,b fill=mean
//	y i64[] column=species classes=3
func Decl(t testing.TB, kind, text string) *table.Decl {
	t.Helper()
	d := &table.Decl{Name: "data", Kind: kind, Options: table.Options{}}
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		options := table.Options{}
		f := table.Field{Options: options}
		for i, word := range words {
			key, value, ok := strings.Cut(word, "=")
			value = strings.NewReplacer(`\t`, "\t", `\s`, " ").Replace(value)
			var v any = value
			switch {
			case !ok && i == 0:
				f.Name = word
				continue
			case !ok:
				name, shape, _ := strings.Cut(strings.TrimSuffix(word, "]"), "[")
				dtype, known := ir.ParseDType(name)
				require.True(t, known, word)
				f.Type.DType = dtype
				for dim := range strings.SplitSeq(shape, ",") {
					if dim != "" {
						n, err := strconv.Atoi(dim)
						require.NoError(t, err)
						f.Type.Shape = append(f.Type.Shape, n)
					}
				}
				continue
			case key == "header" || key == "trim":
				v = value == "true"
			case key == "missing" || key == "columns" || key == "key":
				v = strings.Split(value, ",")
			case key == "classes":
				f.Classes = &table.Classes{Unknown: -1}
				var err error
				if f.Classes.Count, err = strconv.Atoi(value); err != nil {
					f.Classes.Names = strings.Split(value, ",")
					f.Classes.Count = len(f.Classes.Names)
				}
				continue
			case key == "fill":
				f.Fill.By = table.FillBy(value)
				if n, err := strconv.ParseFloat(value, 64); err == nil {
					f.Fill = table.Fill{By: table.FillValue, Value: n}
				} else if rest, is := strings.CutPrefix(value, "text:"); is {
					f.Fill = table.Fill{By: table.FillText, Text: rest}
				}
				continue
			}
			options[key] = table.Option{Value: v}
		}
		if f.Name != "" {
			d.Fields = append(d.Fields, f)
		} else {
			for key, v := range options {
				d.Options[key] = v
			}
		}
	}
	return d
}

// Written writes files into a folder, a.EXTENSION and so on, and gives their paths.
func Written(t testing.TB, extension string, contents ...string) (paths []string) {
	t.Helper()
	folder := t.TempDir()
	for i, content := range contents {
		path := filepath.Join(folder, fmt.Sprintf("%c.%s", 'a'+i, extension))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		paths = append(paths, path)
	}
	return paths
}
