package files

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree makes files, whose folders it makes too.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		put(t, path, name)
	}
	return dir
}

func TestAPatternStandsForTheFilesThatMatchIt(t *testing.T) {
	dir := tree(t, "a.csv", "b.csv", "B.csv", "c.txt", ".hidden.csv", "x/a.csv", "x/y/a.csv", "x/y/z/b.csv", ".git/a.csv", "x/.git/a.csv", "w[1].csv", "é/a.csv")
	for pattern, want := range map[string][]string{
		"a.csv":       {"a.csv"},
		"w[1].csv":    {"w[1].csv"}, // a file's own name comes first
		`w\[1\].csv`:  {"w[1].csv"},
		"*.csv":       {"B.csv", "a.csv", "b.csv", "w[1].csv"},
		"?.csv":       {"B.csv", "a.csv", "b.csv"},
		"[ab].*":      {"a.csv", "b.csv"},
		".*.csv":      {".hidden.csv"},
		"x/*.csv":     {"x/a.csv"},
		"*/a.csv":     {"x/a.csv", "é/a.csv"},
		"**/a.csv":    {"a.csv", "x/a.csv", "x/y/a.csv", "é/a.csv"},
		"x/**/a.csv":  {"x/a.csv", "x/y/a.csv"},
		"x/**/*.csv":  {"x/a.csv", "x/y/a.csv", "x/y/z/b.csv"},
		"x/**/**/z/*": {"x/y/z/b.csv"},
		"**/y/**":     {"x/y/a.csv", "x/y/z/b.csv"},
		".git/*":      {".git/a.csv"},
		"**/.git/*":   {".git/a.csv", "x/.git/a.csv"},
		"x":           {"x/a.csv", "x/y/a.csv", "x/y/z/b.csv"},
	} {
		got, err := ListWithin(context.Background(), []string{dir}, filepath.Join(dir, filepath.FromSlash(pattern)))
		require.NoError(t, err, pattern)
		for i := range got {
			rel, err := filepath.Rel(dir, got[i])
			require.NoError(t, err)
			got[i] = filepath.ToSlash(rel)
		}
		require.Equal(t, want, got, pattern)
	}
}

func TestAPatternWithoutFilesIsAnError(t *testing.T) {
	dir := tree(t, "a.csv", "x/.hidden")
	list := func(pattern string) error {
		_, err := ListWithin(context.Background(), []string{dir}, filepath.Join(dir, pattern))
		return err
	}
	require.ErrorIs(t, list("b.csv"), fs.ErrNotExist)
	require.ErrorContains(t, list("*.txt"), "no file's name matches")
	require.ErrorIs(t, list("none/*.csv"), fs.ErrNotExist)
	require.ErrorContains(t, list("x"), "not a regular file but a folder without files")
	require.ErrorContains(t, list("[.csv"), `"[.csv" is no pattern of names`)
	ended, end := context.WithCancel(context.Background())
	end()
	_, err := ListWithin(ended, []string{dir}, filepath.Join(dir, "*.csv"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestAPatternStaysInItsFolders(t *testing.T) {
	dir, elsewhere := tree(t, "in.csv", "sub/in.csv"), tree(t, "out.csv")
	link(t, elsewhere, filepath.Join(dir, "away"))
	link(t, "in.csv", filepath.Join(dir, "inside.csv"))
	link(t, "sub", filepath.Join(dir, "short"))
	var out *Outside
	for _, pattern := range []string{"away/*.csv", "away", filepath.Join("..", filepath.Base(elsewhere), "*.csv")} {
		_, err := ListWithin(context.Background(), []string{dir}, filepath.Join(dir, pattern))
		require.ErrorAs(t, err, &out, pattern)
	}
	got, err := ListWithin(context.Background(), []string{dir}, filepath.Join(dir, "**", "*.csv"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "in.csv"), filepath.Join(dir, "inside.csv"), filepath.Join(dir, "sub", "in.csv")}, got,
		"links to folders aren't followed, so that a circle of them ends")
	got, err = ListWithin(context.Background(), []string{dir}, filepath.Join(dir, "short", "*.csv"))
	require.NoError(t, err)
	require.Len(t, got, 1)
	got, err = ListWithin(context.Background(), []string{dir, elsewhere}, filepath.Join(dir, "away", "*.csv"))
	require.NoError(t, err, "an allowed folder")
	require.Len(t, got, 1)

	link(t, filepath.Join(elsewhere, "out.csv"), filepath.Join(dir, "sub", "out.csv"))
	_, err = ListWithin(context.Background(), []string{dir}, filepath.Join(dir, "sub", "*.csv"))
	require.ErrorAs(t, err, &out, "a link out isn't passed over in silence")
	require.Equal(t, "out.csv", filepath.Base(out.Real), "what must be allowed is named")
	got, err = ListWithin(context.Background(), []string{dir, elsewhere}, filepath.Join(dir, "sub", "*.csv"))
	require.NoError(t, err, "an allowed file")
	require.Len(t, got, 2)
	_, err = ListWithin(context.Background(), []string{dir, elsewhere}, dir)
	require.ErrorContains(t, err, "link to a folder", "all files are meant, and some would be missing")
	info, err := StatWithin([]string{dir}, filepath.Join(dir, "sub"))
	require.NoError(t, err)
	require.True(t, info.IsDir())
	_, err = StatWithin([]string{dir}, elsewhere)
	require.ErrorAs(t, err, &out)
}
