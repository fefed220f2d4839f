package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// rewrite gives a file another text. Owner, group, mode and other names (hard
// links) stay. Where a new file can have them, it takes the old one's place, so
// that the old text stays until the new one is there; else the text is written
// over the old one, with a backup beside it meanwhile.
func rewrite(path, text string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	// Who may not write a file may perhaps replace it; that isn't meant.
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer old.Close()
	info, err := old.Stat()
	if err != nil {
		return err
	}
	if hasOneName(info) {
		if done, err := replace(path, info, text); done || err != nil {
			return err
		}
	}
	return writeOver(old, path, text)
}

// replace puts a new file in the place of an old one. It does nothing if the new
// one can't belong to whom the old one belongs to.
func replace(path string, old os.FileInfo, text string) (done bool, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".flowrun-*")
	if errors.Is(err, os.ErrPermission) {
		return false, nil // the file may be written, the folder not
	}
	if err != nil {
		return false, err
	}
	defer os.Remove(file.Name())
	if takeOwner(file, old) != nil {
		return false, file.Close()
	}
	_, err = file.WriteString(text)
	const kept = os.ModePerm | os.ModeSetuid | os.ModeSetgid | os.ModeSticky
	err = errors.Join(err, file.Chmod(old.Mode()&kept), file.Sync(), file.Close())
	if err != nil {
		return false, err
	}
	return true, os.Rename(file.Name(), path)
}

// writeOver writes a text over a file's own. If that fails, the old text is put
// back; if that fails too, the copy stays and the error names it.
func writeOver(file *os.File, path, text string) error {
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	backup, err := backUp(path, before)
	if err != nil {
		return err
	}
	err = overwrite(file, []byte(text))
	if err != nil {
		if again := overwrite(file, before); again != nil {
			return fmt.Errorf("%w; the old text is in %s", err, backup)
		}
	}
	return errors.Join(err, os.Remove(backup))
}

// backUp writes a copy of a file's text beside it, or in the folder for temporary
// files where it can't.
func backUp(path string, text []byte) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".flowrun-*")
	if err != nil {
		file, err = os.CreateTemp("", "flowrun-*.yaml")
	}
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

func overwrite(file *os.File, text []byte) error {
	if _, err := file.WriteAt(text, 0); err != nil {
		return err
	}
	return errors.Join(file.Truncate(int64(len(text))), file.Sync())
}
