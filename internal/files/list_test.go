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

// What a pattern matches, and isn't a file, was meant to be one.
func TestLinksThatLeadNowhereAndLinkedFoldersArentPassedOver(t *testing.T) {
	list := func(dir, pattern string) ([]string, error) {
		found, err := ListWithin(context.Background(), []string{dir}, filepath.Join(dir, filepath.FromSlash(pattern)))
		for i := range found {
			found[i], _ = filepath.Rel(dir, found[i])
		}
		return found, err
	}
	dir := tree(t, "cats/1.png", "dogs/1.png", "dogs/.note", "elsewhere/1.png")
	link(t, "1.png", filepath.Join(dir, "cats", "2.png"))
	got, err := list(dir, "cats")
	require.NoError(t, err)
	require.Len(t, got, 2)

	link(t, "gone.png", filepath.Join(dir, "cats", "3.png"))
	for _, pattern := range []string{"cats", "cats/*.png", "**/*.png", "cats/3.png", "cats/3*"} {
		_, err = list(dir, pattern)
		require.ErrorIs(t, err, fs.ErrNotExist, pattern)
		require.ErrorContains(t, err, filepath.Join(dir, "cats", "3.png")+" is a link to gone.png", pattern)
	}
	_, err = list(dir, "cats/1*")
	require.NoError(t, err, "nor does it matter to what it isn't part of")
	link(t, "gone.png", filepath.Join(dir, "dogs", ".hidden.png"))
	_, err = list(dir, "dogs")
	require.NoError(t, err)

	dir = tree(t, "pets/cats/1.png", "elsewhere/1.png", "a.png/x")
	link(t, filepath.Join("..", "elsewhere"), filepath.Join(dir, "pets", "dogs"))
	for _, pattern := range []string{"pets", "pets/*/1.png", "*/*/*.png"} {
		_, err = list(dir, pattern)
		require.ErrorContains(t, err, filepath.Join(dir, "pets", "dogs")+" is a link to a folder", pattern)
	}
	for pattern, want := range map[string]int{"pets/cats": 1, "pets/dogs": 1, "pets/dogs/*": 1, "pets/**/*.png": 1, "pets/c*/*": 1, "*/*.png": 1, "*.png/*": 1} {
		got, err = list(dir, pattern)
		require.NoError(t, err, pattern)
		require.Len(t, got, want, pattern)
	}
	link(t, "round", filepath.Join(dir, "round"))
	_, err = list(dir, "round")
	require.ErrorContains(t, err, filepath.Join(dir, "round")+": ")
}
