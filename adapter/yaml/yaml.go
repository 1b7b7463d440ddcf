// Package yaml reads the files that people write, the world file and role
// configs, strictly: what is unknown or wrong is told by line, with the fix.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// MaxFileBytes is the largest file that is read.
const MaxFileBytes = 1 << 20

// A FileError lists what is wrong with a file, by line.
type FileError struct {
	File     string
	Problems []LineProblem
}

// LineProblem is one thing that is wrong.
type LineProblem struct {
	Line int // from 1; 0 when it belongs to no line
	world.Problem
}

// Error is one problem a line: file:line: field: what is wrong; the fix.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d: %s", e.File, p.Line, p.Problem)
	}
	return strings.Join(lines, "\n")
}

// World reads and checks a world file. The error of a bad one is a
// world.Error of code invalid around a [FileError].
func World(file string, r io.Reader) (*world.World, error) {
	w := &world.World{}
	root, err := decode(file, r, w)
	if err != nil {
		return nil, err
	}
	_, ofPictures := imagegrid.NewPolicies(w.Pictures)
	if ps := append(w.Validate(), ofPictures...); len(ps) > 0 {
		fe := &FileError{File: file}
		for _, p := range ps {
			fe.Problems = append(fe.Problems, LineProblem{lineOf(root, p.Path), p})
		}
		return nil, invalid(fe)
	}
	return w, nil
}

// Decode reads a file into a struct that holds its defaults. Unknown fields,
// wrong types and a second document are refused.
func Decode(file string, r io.Reader, into any) error {
	_, err := decode(file, r, into)
	return err
}

// Keys are the names of a file's top-level fields, in order.
func Keys(file string, r io.Reader) ([]string, error) {
	var any map[string]yaml.Node
	root, err := decode(file, r, &any)
	if err != nil {
		return nil, err
	}
	var keys []string
	fields := root.Content[0].Content
	for i := 0; i < len(fields); i += 2 {
		keys = append(keys, fields[i].Value)
	}
	return keys, nil
}

// Encode writes v as a file that [Decode] reads.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(v); err != nil {
		return nil, world.Wrap("yaml.encode", err)
	}
	return b.Bytes(), world.Wrap("yaml.encode", enc.Close())
}

func decode(file string, r io.Reader, into any) (*yaml.Node, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "yaml.read", "The file cannot be read: "+file, err)
	}
	if len(data) > MaxFileBytes {
		return nil, whole(file, fmt.Sprintf("it is larger than %d bytes", MaxFileBytes), "keep it smaller")
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, invalid(&FileError{file, syntaxProblems(err)})
	}
	if root.Kind == 0 {
		return nil, whole(file, "it is empty", "write at least one field")
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return nil, invalid(&FileError{file, syntaxProblems(err)})
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, whole(file, "it holds more than one document", "remove what follows the line ---")
	}
	return &root, nil
}

func whole(file, what, fix string) error {
	return invalid(&FileError{file, []LineProblem{{1, world.Problem{Path: "file", What: what, Fix: fix}}}})
}

func invalid(fe *FileError) error {
	sort.SliceStable(fe.Problems, func(i, j int) bool { return fe.Problems[i].Line < fe.Problems[j].Line })
	return world.Because(world.CodeInvalid, "yaml.read", fe.Error(), fe)
}

var (
	lineForm    = regexp.MustCompile(`line (\d+): ?(.*)`)
	unknownForm = regexp.MustCompile(`field (\S+) not found in type`)
	typeForm    = regexp.MustCompile("cannot unmarshal (!!\\S+) (?:`(.*)` )?into (\\S+)")
	twiceForm   = regexp.MustCompile(`mapping key "(.*)" already defined`)
)

// syntaxProblems rewords the library's findings for the file's author.
func syntaxProblems(err error) []LineProblem {
	texts := []string{err.Error()}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		texts = te.Errors
	}
	out := make([]LineProblem, 0, len(texts))
	for _, t := range texts {
		p := LineProblem{Line: 1, Problem: world.Problem{Path: "file", What: strings.TrimPrefix(t, "yaml: "), Fix: "check the indentation, quotes and brackets there"}}
		if m := lineForm.FindStringSubmatch(t); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.What = m[2]
		}
		reword(&p)
		out = append(out, p)
	}
	return out
}

func reword(p *LineProblem) {
	if m := unknownForm.FindStringSubmatch(p.What); m != nil {
		p.Path, p.What, p.Fix = m[1], "there is no such field here", "remove it, or check its spelling"
	} else if m := typeForm.FindStringSubmatch(p.What); m != nil {
		p.What = fmt.Sprintf("a %s stands where %s belongs", strings.TrimPrefix(m[1], "!!"), plainType(m[3]))
		if m[2] != "" {
			p.Path = m[2]
		}
		p.Fix = "write " + plainType(m[3])
	} else if m := twiceForm.FindStringSubmatch(p.What); m != nil {
		p.Path, p.What, p.Fix = m[1], "the field is there twice", "keep one of the two"
	}
}

func plainType(t string) string {
	switch {
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case t == "string":
		return "a text"
	case t == "bool":
		return "true or false"
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "uint"), strings.HasPrefix(t, "float"):
		return "a number"
	case t == "time.Duration":
		return "a duration such as 10s"
	}
	return "a group of fields"
}

var step = regexp.MustCompile(`([a-zA-Z_0-9]+)|\[(\d+)\]`)

// lineOf is the line of the field that path names, or of the nearest thing
// around it that is in the file.
func lineOf(root *yaml.Node, path string) int {
	n := root
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	line := n.Line
	for _, m := range step.FindAllStringSubmatch(path, -1) {
		next, at := child(n, m[1], m[2])
		if next == nil {
			break
		}
		n, line = next, at
	}
	return line
}

func child(n *yaml.Node, key, index string) (*yaml.Node, int) {
	if key == "" {
		i, err := strconv.Atoi(index)
		if err != nil || n.Kind != yaml.SequenceNode || i >= len(n.Content) {
			return nil, 0
		}
		return n.Content[i], n.Content[i].Line
	}
	if n.Kind != yaml.MappingNode {
		return nil, 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1], n.Content[i].Line
		}
	}
	return nil, 0
}
