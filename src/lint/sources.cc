#include "lint/sources.h"

namespace serin::lint {

Sources::Sources(const std::vector<Document>& documents) {
    all_.reserve(documents.size());
    for (const Document& document : documents) {
        const json::Object* root = json::object(&document.root);
        if (root) all_.push_back({.document = &document, .object = Object(*root)});
    }
}

std::vector<const Source*> Sources::of_kind(std::string_view kind) const {
    std::vector<const Source*> found;
    for (const Source& one : all_) {
        if (one.object.kind() == kind) found.push_back(&one);
    }
    return found;
}

const Source* Sources::find(
    std::string_view kind, std::string_view ns, std::string_view name) const {
    for (const Source& one : all_) {
        if (one.object.kind() != kind || one.object.name() != name) continue;
        if (ns.empty() || one.object.ns().empty() || one.object.ns() == ns) return &one;
    }
    return nullptr;
}

const Source* Sources::at(const std::string& file, int line) const {
    const Source* nearest = nullptr;
    int nearest_line = 0;
    for (const Source& one : all_) {
        const int start = one.document->mark("").line;
        if (one.document->file != file || start > line || start < nearest_line) continue;
        nearest = &one;
        nearest_line = start;
    }
    return nearest;
}

std::vector<PodTemplate> pod_templates(const Sources& sources) {
    std::vector<PodTemplate> found;
    for (const Source& one : sources.all()) {
        const manifest::Part root = one.root();
        if (one.object.kind() == "Pod") {
            found.push_back({.source = &one, .metadata = root["metadata"], .spec = root["spec"]});
            continue;
        }
        const manifest::Part pods = root["spec"]["template"];
        if (!pods["spec"].is_given()) continue;
        found.push_back({.source = &one, .metadata = pods["metadata"], .spec = pods["spec"]});
    }
    return found;
}

}  // namespace serin::lint
