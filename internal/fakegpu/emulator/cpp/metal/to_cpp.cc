#include "to_cpp.h"

#include "translator.h"

std::string metal_to_cpp(const std::string &preprocessed, metal_purpose purpose, std::string *error) {
    metal_source::translator t(preprocessed, purpose);
    if (t.s.faults.empty()) {
        for (metal_source::token &k : t.s.tokens) {
            if (k.text == "#pragma emulator metal_stdlib") {
                k.text = "";
                t.has_library = true;
            }
        }
        if (!t.has_library) {
            size_t first = 0;
            while (t.s.tokens[first].is == metal_source::kind::directive) {
                first++;
            }
            t.s.wrong(first, "there is no #include <metal_stdlib>");
        }
        t.words();
        t.scope(0, t.s.tokens.size() - 1, nullptr);
    }
    *error = t.s.faults_as_text();
    return error->empty() ? t.s.text() : "";
}
