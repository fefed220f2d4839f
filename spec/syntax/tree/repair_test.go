package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// entries is a text of nested mappings, lists and flow collections. Each of its
// lines is made faulty in turn.
const entries = `flowrun: 1
name: base  # a comment
data:
  points:
    generate:
      x: uniform(-1, 1, [32, 8])

      # another comment
      target: uniform(-1, 1, [32, 1])
model:
  inputs: {x: "f32[32, 8]"}
  nodes:
    h: {Linear: x, out_features: hidden}
    a: silu(h)
  outputs:
    - y
train:
  data: points
  optimizer: {SGD: {lr: lr}}
  max_steps: 100
`

// slips are faults of an entry, and the pieces of the message about them. last
// tells that the entry needn't be followed by others for YAML to see it.
var slips = []struct {
	name    string
	make    func(key, value string) string
	message string
}{
	{"missing colon", func(key, value string) string { return key + value }, "missing colon"},
	{"no space follows the colon", func(key, value string) string { return key + ":" + strings.TrimPrefix(value, " ") }, "missing space after the colon"},
	{"= stands for the colon", func(key, value string) string { return key + " =" + value }, "not `=`"},
	{"; stands for the colon", func(key, value string) string { return key + ";" + value }, "not `;`"},
	{"the colon is of another width", func(key, value string) string { return key + "：" + value }, "`：`, U+FF1A"},
	{"a no-break space follows the colon", func(key, value string) string { return key + ":\u00a0" + strings.TrimPrefix(value, " ") }, "U+00A0, a no-break space"},
	{"a zero width space follows the colon", func(key, value string) string { return key + ":\u200b" + strings.TrimPrefix(value, " ") }, "U+200B, a zero width space"},
	{"an ideographic space follows the colon", func(key, value string) string { return key + ":\u3000" + strings.TrimPrefix(value, " ") }, "U+3000, an ideographic space"},
}

func TestALineThatIsNotAnEntryIsReportedAtItsPosition(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(entries, "\n"), "\n")
	tried := 0
	for _, s := range slips {
		for i, line := range lines {
			key, value, ok := strings.Cut(line, ":")
			trimmed := strings.TrimSpace(line)
			if !ok || trimmed[0] == '#' || s.name == "no space follows the colon" && value == "" {
				continue
			}
			broken := append([]string{}, lines...)
			broken[i] = s.make(key, value)
			src := strings.Join(broken, "\n") + "\n"
			var list diag.List
			tree.Parse("t.yaml", src, &list)
			require.Len(t, list.Items, 1, "%s\n%s", s.name, src)
			d := list.Items[0]
			require.Equal(t, i+1, d.Range.Start.Line, "%s: %q\n%s", s.name, line, list.Text())
			require.Contains(t, d.Message, s.message)
			content, _, _ := strings.Cut(trimmed, "  #")
			want, _, _ := strings.Cut(strings.TrimPrefix(d.Help, "write "), "  #")
			require.Equal(t, strings.TrimSpace(content), strings.TrimSpace(want), list.Text())
			tried++
		}
	}
	require.Greater(t, tried, 100)
}

func TestUnusualSpacesAreReportedOncePerLine(t *testing.T) {
	for _, space := range []string{"\u00a0", "\u202f", "\u3000", "\u2003", "\u200b", "\u200d", "\u2060", "\u00ad"} {
		for _, depth := range []int{1, 2, 4} {
			for _, lines := range [][2]int{{13, 13}, {14, 14}, {13, 14}} {
				broken := strings.Split(entries, "\n")
				for n := lines[0]; n <= lines[1]; n++ {
					line := broken[n-1]
					broken[n-1] = line[:4-depth] + strings.Repeat(space, depth) + line[4:]
				}
				var list diag.List
				tree.Parse("t.yaml", strings.Join(broken, "\n"), &list)
				require.Len(t, list.Items, 1)
				d := list.Items[0]
				require.Equal(t, diag.Pos{Line: lines[0], Col: 5 - depth}, d.Range.Start, "%q %v\n%s", space, lines, list.Text())
				require.Contains(t, d.Message, fmt.Sprintf("U+%04X", []rune(space)[0]))
				require.Equal(t, lines[1] > lines[0], strings.Contains(d.Message, "it occurs on 2 lines"), d.Message)
			}
		}
	}
}

func TestFilesThatAreNotSpecsAreIdentified(t *testing.T) {
	utf16 := func(order int) string {
		var b strings.Builder
		for _, r := range entries {
			pair := [2]byte{byte(r), 0}
			b.WriteByte(pair[order])
			b.WriteByte(pair[1-order])
		}
		return b.String()
	}
	for text, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n": "Git LFS pointer",
		"\x1f\x8b\x08\x00rest":    "compressed by gzip",
		"PK\x03\x04rest":          "zip archive",
		"\x89HDF\r\n\x1a\nrest":   "HDF5",
		"\xff\xfe" + utf16(0):     "UTF-16",
		"\xfe\xff" + utf16(1):     "UTF-16",
		utf16(0):                  "UTF-16",
		utf16(1):                  "UTF-16",
		"<!DOCTYPE html><html>\n": "HTML",
	} {
		var list diag.List
		require.Nil(t, tree.Parse("t.yaml", text, &list))
		require.Len(t, list.Items, 1)
		require.Equal(t, diag.InvalidText, list.Items[0].Rule)
		require.Contains(t, list.Items[0].Message, want)
		require.NotEmpty(t, list.Items[0].Help)
	}
	conflict := func(n int) string {
		return strings.Repeat("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n", n)
	}
	for n, want := range map[int]string{1: "unresolved merge conflict", 3: "3 unresolved merge conflicts; this is the first"} {
		var list diag.List
		tree.Parse("t.yaml", entries+conflict(n), &list)
		require.Len(t, list.Items, 1)
		require.Equal(t, want, list.Items[0].Message)
		require.Equal(t, diag.Pos{Line: 21, Col: 1}, list.Items[0].Range.Start)
	}
	for _, rest := range []string{"=======\n", ">>>>>>> other\n", "|||||||\n"} {
		var list diag.List
		tree.Parse("t.yaml", strings.Replace(entries, "train:", rest+"train:", 1), &list)
		require.Len(t, list.Items, 1)
		require.Contains(t, list.Items[0].Message, "unresolved merge conflict")
		require.Equal(t, 17, list.Items[0].Range.Start.Line)
	}
}
