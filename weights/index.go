package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/internal/files"
)

// maxIndex is how many bytes an index may have, as many as a header.
const maxIndex = 100_000_000

// byteOrderMark begins texts that some editors have saved. It isn't part of the JSON.
var byteOrderMark = []byte("\ufeff")

// index is the content of an index.
type index struct {
	shards   []string          // sorted
	shardOf  map[string]string // by tensor
	metadata map[string]string
	size     *int64 // of all tensors in bytes, if the index says so
}

// readIndex reads an index: {"metadata": {…}, "weight_map": {TENSOR: SHARD}}. Messages call it
// path.
func readIndex(r io.ReaderAt, size int64, path string) (*index, error) {
	if size > maxIndex {
		return nil, fmt.Errorf("the index has %d bytes; the limit is %d", size, maxIndex)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), text); err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, errors.New("the index is not UTF-8")
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	x := &index{metadata: map[string]string{}}
	if err := x.decode(text); err != nil {
		return nil, err
	}
	switch {
	case x.shardOf == nil || x.ofPyTorch():
		return nil, notAnIndex(text, path)
	case len(x.shardOf) == 0:
		return nil, errors.New("the index names no tensors: its weight_map is empty")
	}
	x.shards = slices.Compact(slices.Sorted(maps.Values(x.shardOf)))
	for _, name := range x.shards {
		if err := checkShardName(name); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// decode reads the JSON token by token: decoding it into a map would hide names that
// appear twice.
func (x *index) decode(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	seen := map[string]bool{}
	err := eachKey(dec, func(key string) error {
		if seen[key] {
			return fmt.Errorf("%s appears twice", diag.Quote(key))
		}
		seen[key] = true
		switch key {
		case "weight_map":
			if err := x.weightMap(dec); err != nil {
				return fmt.Errorf("weight_map: %w", err)
			}
			return nil
		case "metadata":
			return x.readMetadata(dec)
		}
		return dec.Decode(new(json.RawMessage))
	})
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("unexpected data after the closing brace")
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("the index can't be read: %w", err)
	}
	return nil
}

// token is the next token of an object, which doesn't end before its brace.
func token(dec *json.Decoder) (json.Token, error) {
	t, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}

// eachKey reads an object, and calls value for each key to read what it has.
func eachKey(dec *json.Decoder, value func(key string) error) error {
	if t, err := token(dec); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("expected an object at byte %d, got %s", dec.InputOffset(), jsonKind(t))
	}
	for dec.More() {
		t, err := token(dec)
		if err != nil {
			return err
		}
		key, _ := t.(string) // keys are strings
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := token(dec)
	return err
}

func (x *index) weightMap(dec *json.Decoder) error {
	x.shardOf = map[string]string{}
	return eachKey(dec, func(tensor string) error {
		t, err := token(dec)
		if err != nil {
			return err
		}
		shard, ok := t.(string)
		if !ok {
			return fmt.Errorf("the tensor %s has %s; expected the name of a file", diag.Quote(tensor), jsonKind(t))
		}
		if before, twice := x.shardOf[tensor]; twice {
			return fmt.Errorf("the tensor %s appears twice, in %s and %s", diag.Quote(tensor), diag.Quote(before), diag.Quote(shard))
		}
		x.shardOf[tensor] = shard
		return nil
	})
}

// jsonKind says in words what a value begins with.
func jsonKind(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case json.Delim:
		if t == '[' {
			return "a list"
		}
		return "an object"
	case string:
		return "the string " + diag.Quote(t)
	}
	return diag.Cut(fmt.Sprint(t))
}

// readMetadata reads what else the index says, whatever it is: texts as they are, all else
// as JSON.
func (x *index) readMetadata(dec *json.Decoder) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil // a list or a number says nothing that is asked for
	}
	for key, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		x.metadata[key] = text
	}
	if size, err := strconv.ParseInt(x.metadata["total_size"], 10, 64); err == nil {
		x.size = &size
	}
	return nil
}

// longestShardName is how long the name of a file may be on all systems, in bytes.
const longestShardName = 255

// checkShardName refuses names that aren't those of a file in the index's folder.
func checkShardName(name string) error {
	switch {
	case len(name) > longestShardName || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || !filepath.IsLocal(name):
		return fmt.Errorf("the index names the shard %s, which isn't the name of a file in its folder", diag.Quote(name))
	case strings.HasSuffix(name, foreign.ShardIndex):
		return fmt.Errorf("the index names the shard %s, which is an index itself", diag.Quote(name))
	}
	return nil
}

// shardNames are the names of shards: NAME-00001-of-00003.safetensors.
var shardNames = regexp.MustCompile(`^(.+)-([0-9]{5,9})-of-([0-9]{5,9})(\.[^.]+)$`)

// shardNote says of a file that is one of several shards what to name instead; "" if it
// isn't one.
func shardNote(path string) string {
	m := shardNames.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return ""
	}
	number, _ := strconv.Atoi(m[2])
	count, _ := strconv.Atoi(m[3])
	if count <= 1 {
		return ""
	}
	what := fmt.Sprintf("%s is shard %d of %d", diag.CutPath(path), number, count)
	index := filepath.Join(filepath.Dir(path), m[1]+foreign.ShardIndex)
	if _, err := os.Lstat(index); err == nil {
		return what + ": name the index, " + diag.CutPath(index)
	}
	return fmt.Sprintf("%s, and there is no index beside it: %s says which tensor is in which shard; fetch it with all shards", what, diag.Cut(filepath.Base(index)))
}

// Files lists a file of weights, and the shards if it is an index that can be read.
func Files(open Opener, path string) []string {
	list := []string{path}
	if open == nil {
		open = files.Open
	}
	file, err := open(path)
	if err != nil {
		return list
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !beginsJSON(file) {
		return list
	}
	if x, err := readIndex(file, info.Size(), path); err == nil {
		for _, name := range x.shards {
			list = append(list, filepath.Join(filepath.Dir(path), name))
		}
	}
	return list
}
