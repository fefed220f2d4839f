// Declarations: the contents of namespaces, structs and functions. Types aren't known
// here, so declarations are recognized by their form.

#include "translator.h"

#include <set>

namespace metal_source {

std::string translator::written(size_t from, size_t to) const {
    std::string all;
    for (size_t i = from; i < to; i++) {
        const token &t = s.tokens[i];
        all += (all.empty() ? "" : " ") + t.before + t.text + t.after;
    }
    return all;
}

// end_of finds the next occurrence of a mark outside of brackets.
size_t translator::end_of(size_t i, size_t to, const char *mark) {
    while (i < to && !s.is(i, mark)) {
        i = s.mate[i] > i ? s.mate[i] + 1 : i + 1;
    }
    return i;
}

// after_angles skips a template's <…>, which begins at i.
size_t translator::after_angles(size_t i, size_t to) {
    int depth = 0;
    for (; i < to; i = s.mate[i] > i ? s.mate[i] + 1 : i + 1) {
        depth += s.is(i, "<");
        depth -= s.is(i, ">");
        if (depth == 0) {
            return i + 1;
        }
    }
    return to;
}

// addressed checks that a declared pointer or reference has an address space.
void translator::addressed(size_t from, size_t to, const std::string &what) {
    bool has_space = false;
    for (size_t i = from; i < to && !s.is(i, "="); i++) {
        if (spaces.count(i)) {
            has_space = true;
        }
        if (s.is(i, "<")) {
            i = after_angles(i, to) - 1;
        } else if ((s.is(i, "*") || s.is(i, "&") || s.is(i, "&&")) && !has_space) {
            s.wrong(i, what + " is a pointer or a reference without an address space: device, constant, threadgroup or thread");
            return;
        }
    }
}

void translator::scope(size_t from, size_t to, record *in) {
    for (size_t i = from; i < to;) {
        i = declaration(i, to, in);
    }
}

size_t translator::declaration(size_t i, size_t to, record *in) {
    const token &t = s.tokens[i];
    if (t.is == kind::directive) {
        if (t.text.find("#pragma emulator name \"") == 0) {
            name = t.text.substr(23, t.text.rfind('"') - 23);
            s.tokens[i].text = "";
        }
        return i + 1;
    }
    if (s.is(i, ";")) {
        return i + 1;
    }
    if (in && s.is(i + 1, ":")) { // public:
        return i + 2;
    }
    if (t.text == "namespace") {
        size_t brace = end_of(i, to, "{");
        if (brace < to) {
            scope(brace + 1, s.mate[brace], nullptr);
            return s.mate[brace] + 1;
        }
        return end_of(i, to, ";") + 1;
    }
    if (t.text == "using" || t.text == "typedef" || t.text == "static_assert" || t.text == "friend" || t.text == "enum") {
        size_t end = end_of(i, to, ";");
        if (t.text != "enum" && t.text != "static_assert") {
            addressed(i, end, "this type");
        }
        return end + 1;
    }
    if (t.text == "template") {
        return s.is(i + 1, "<") ? after_angles(i + 1, to) : i + 1;
    }
    if (t.text == "struct" || t.text == "class" || t.text == "union") {
        return structure(i, to);
    }
    for (size_t j = i; j < to; j++) {
        if (s.is(j, "__attribute__") || s.is(j, "alignas") || s.is(j, "decltype")) {
            j = s.mate[j + 1];
        } else if (s.is(j, "[") && s.is(j + 1, "[")) {
            s.wrong(j, "[[" + s.tokens[j + 2].text + "]] is not a supported attribute");
            j = s.mate[j];
        } else if (s.is(j, "operator")) {
            size_t parameters = s.is(j + 1, "(") ? j + 3 : end_of(j, to, "(");
            return function(i, parameters, to, in);
        } else if (s.is(j, "<") && s.is_word(j - 1)) {
            j = after_angles(j, to) - 1;
        } else if (s.is(j, "(")) {
            return function(i, j, to, in);
        } else if (s.is(j, ";") || s.is(j, "=") || s.is(j, "[") || s.is(j, "{") || s.is(j, ",") || s.is(j, ":")) {
            size_t end = end_of(j, to, ";");
            variable(i, end, in);
            return end + 1;
        }
    }
    return to;
}

size_t translator::structure(size_t i, size_t to) {
    size_t j = i + 1;
    while (j < to && (s.is_word(j) || s.is(j, "<"))) {
        j = s.is(j, "<") ? after_angles(j, to) : j + 1;
    }
    if (s.is(j, ":")) {
        s.wrong(j, "Metal has no derived classes");
        j = end_of(j, to, "{");
    }
    if (!s.is(j, "{")) {
        return s.is(j, ";") ? j + 1 : end_of(j, to, ";") + 1;
    }
    record inside;
    if (s.is_word(i + 1)) {
        inside.name = s.tokens[i + 1].text;
    }
    scope(j + 1, s.mate[j], &inside);
    if (inside.plain && !s.is(i, "union") && inside.name != "") {
        copies(j, inside);
    }
    return end_of(s.mate[j], to, ";") + 1;
}

// variable handles a declaration without parameters, which ends at `to`.
void translator::variable(size_t first, size_t to, record *in) {
    bool is_constant = false, is_static = false;
    for (size_t i = first; i < to && !s.is(i, "="); i++) {
        is_constant = is_constant || s.is(i, "IN_CONSTANT");
        is_static = is_static || s.is(i, "static");
    }
    addressed(first, to, "this variable");
    if (in && !is_static) {
        note_members(first, to, in);
    } else if (!is_constant) {
        s.wrong(first, "a variable outside of functions must be in the address space constant");
    }
}

// note_members records the members of one declaration: `int a, b[2];`
void translator::note_members(size_t first, size_t to, record *in) {
    size_t name = first;
    while (name < to && !s.is(name, ",") && !s.is(name, "[") && !s.is(name, "=") && !s.is(name, ":") && !s.is(name, "{")) {
        name = s.is(name, "<") ? after_angles(name, to) : name + 1;
    }
    size_t type_end = name - 1;
    for (size_t i = type_end; i < to;) {
        size_t end = end_of(i, to, ",");
        member m = {first, type_end, s.tokens[i].text, i + 1, end};
        bool is_name = s.is_word(i) && (end == i + 1 || s.is(i + 1, "["));
        in->plain = in->plain && is_name && type_end > first;
        in->members.push_back(m);
        i = end + 1;
    }
}

// copies makes a struct copyable to and from any address space, as in Metal. C++ with
// attributes needs constructors and assignments for each; OpenCL's C++ lacks the copies
// from constant memory. With a constructor, a struct also needs one for its members.
void translator::copies(size_t brace, const record &of) {
    if (purpose == metal_purpose::running) {
        return;
    }
    const std::string &n = of.name;
    std::string made = " " + n + "() = default; " + n + "(const " + n + " &) = default; " + n + "(IN_CONSTANT " + n + " &); " + n +
                       " &operator=(const " + n + " &) = default; void operator=(IN_CONSTANT " + n + " &);";
    std::string list;
    for (const member &m : of.members) {
        std::string type = written(m.type, m.type_end), size = written(m.size, m.size_end);
        list += (list.empty() ? "" : ", ") + (size.empty() ? type + " " + m.name : type + " const (&" + m.name + ")" + size);
        bool optional = &m != &of.members[0] && type.find('&') == std::string::npos;
        list += optional ? " = {}" : "";
    }
    if (!list.empty()) {
        made += " " + n + "(" + list + ");";
    }
    if (purpose == metal_purpose::checking_attributes) {
        for (const char *space : {"IN_DEVICE", "IN_THREADGROUP"}) {
            std::string from = std::string("const ") + space + " " + n + " &";
            made += " " + n + "(" + from + "); void operator=(" + from + "); void operator=(this " + space + " " + n + " &, " + n + ");";
        }
    }
    s.tokens[brace].after += made;
}

// function handles a function whose parameters begin at a bracket.
size_t translator::function(size_t first, size_t parameters, size_t to, record *in) {
    size_t name_at = parameters - 1, close = s.mate[parameters];
    bool is_kernel = false;
    for (size_t i = first; i < parameters; i++) {
        is_kernel = is_kernel || s.is(i, "kernel");
    }
    size_t returned = first;
    while (returned < parameters && !s.is(returned, "operator")) {
        returned++;
    }
    addressed(first, returned, "what this returns");
    for (size_t i = parameters + 1; i < close;) {
        size_t end = i;
        while (end < close && !s.is(end, ",")) {
            end = s.is(end, "<") ? after_angles(end, close) : s.mate[end] > end ? s.mate[end] + 1 : end + 1;
        }
        if (!s.is(i, "this")) {
            addressed(i, end, "this parameter");
        }
        i = end + 1;
    }
    if (in && s.is(name_at, in->name.c_str())) {
        in->plain = false; // it has its own constructor
    }
    size_t i = close + 1;
    if (s.is(i, ":")) { // a constructor's member initializers
        do {
            i = end_of(i + 1, to, "(") < end_of(i + 1, to, "{") ? end_of(i + 1, to, "(") : end_of(i + 1, to, "{");
            i = s.mate[i] + 1;
        } while (s.is(i, ","));
    }
    while (i < to && !s.is(i, "{") && !s.is(i, ";") && !s.is(i, "=")) {
        i++;
    }
    if (!s.is(i, "{")) {
        return end_of(i, to, ";") + 1;
    }
    std::vector<std::string> memory;
    body(i, is_kernel, &memory);
    if (is_kernel) {
        for (size_t j = first; j < parameters; j++) {
            if (s.is(j, "kernel")) {
                s.tokens[j].text = "static";
            }
        }
        entry(name_at, i, memory);
    }
    return s.mate[i] + 1;
}

// body checks a function's statements.
void translator::body(size_t brace, bool is_kernel, std::vector<std::string> *memory) {
    int depth = 1;
    bool begins = true;
    for (size_t i = brace + 1; i < s.mate[brace]; i++) {
        depth += s.is(i, "{");
        depth -= s.is(i, "}");
        if (s.is(i, "static")) {
            s.wrong(i, "Metal has no static variables");
        }
        if (begins || (s.is(i - 1, "(") && s.is(i - 2, "for"))) {
            size_t end = end_of(i, s.mate[brace], ";");
            statement(i, end);
            threadgroup_variables(i, end, is_kernel && depth == 1, memory);
        }
        if (s.is(i, "(") && s.mate[i] > i + 1) { // a cast to a pointer
            size_t last = s.mate[i] - 1, word = i + 1;
            while (s.is_word(word) || s.is(word, "::")) {
                word++;
            }
            if ((s.is(last, "*") || s.is(last, "&")) && word > i + 1 && (word == last || s.is(word, "<"))) {
                addressed(i + 1, s.mate[i], "this type");
            }
        }
        begins = s.is(i, "{") || s.is(i, "}") || s.is(i, ";") || s.tokens[i].is == kind::directive;
    }
}

// statement recognizes a declaration of a pointer or reference by its form: words,
// perhaps a template's <…>, a * or &, a name, and a token that can follow a declared
// name.
void translator::statement(size_t i, size_t to) {
    static const std::set<std::string> others = {"return", "else", "case", "if", "while", "do", "for", "switch", "break", "continue", "using", "typedef"};
    size_t first = i;
    while (i < to && (s.is_word(i) || s.is(i, "::") || (spaces.count(i)))) {
        if (others.count(s.tokens[i].text)) {
            return;
        }
        i++;
    }
    if (i > first && s.is(i, "<")) {
        i = after_angles(i, to);
    }
    if (i == first || !(s.is(i, "*") || s.is(i, "&") || s.is(i, "&&"))) {
        return;
    }
    size_t star = i;
    while (i < to && (s.is(i, "*") || s.is(i, "&") || s.is(i, "&&") || s.is(i, "const"))) {
        i++;
    }
    if (s.is_word(i) && (i + 1 == to || s.is(i + 1, "=") || s.is(i + 1, "[") || s.is(i + 1, "{") || s.is(i + 1, ":"))) {
        addressed(first, star + 1, s.tokens[i].text);
    }
}

// threadgroup_variables finds `threadgroup float sums[32], last;`, which isn't a pointer,
// and allocates memory for each.
void translator::threadgroup_variables(size_t i, size_t to, bool allowed, std::vector<std::string> *memory) {
    size_t first = i;
    if (s.is(i, "alignas")) {
        i = s.mate[i + 1] + 1;
    }
    if (i >= to || !s.is(i, "IN_THREADGROUP")) {
        return;
    }
    size_t name = i + 1;
    while (name < to && !s.is(name, "[") && !s.is(name, ",") && !s.is(name, "=") && !s.is(name, "*") && !s.is(name, "&")) {
        name = s.is(name, "<") ? after_angles(name, to) : name + 1;
    }
    if (s.is(name, "*") || s.is(name, "&")) {
        return;
    }
    if (!allowed) {
        s.wrong(i, "threadgroup memory is declared at the outermost level of a kernel's body");
        return;
    }
    name--;
    std::string type = written(i + 1, name), checked;
    for (size_t at = name; at < to;) {
        size_t end = end_of(at, to, ",");
        if (!s.is_word(at) || end_of(at, end, "=") < end || end_of(at, end, "{") < end) {
            s.wrong(at, "threadgroup memory is declared as a name or an array, and begins as garbage");
            return;
        }
        std::string n = s.tokens[at].text, typed = "emulated_" + n;
        memory->push_back(n);
        checked += "typedef " + type + " " + typed + written(at + 1, end) + "; IN_THREADGROUP " + typed + " &" + n + " = *(IN_THREADGROUP " + typed + " *)16; ";
        at = end + 1;
    }
    if (purpose == metal_purpose::running) {
        s.tokens[i].text = "EMULATED_THREADGROUP";
        return;
    }
    // When checking, it is a reference to memory: OpenCL allows such variables only in
    // kernels, and an entry point is a function there.
    for (size_t at = first; at < to; at++) {
        s.tokens[at].text = "";
        s.tokens[at].before = "";
        s.tokens[at].after = "";
    }
    s.tokens[first].text = checked;
}

} // namespace metal_source
