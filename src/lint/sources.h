#pragma once

#include "base/document.h"
#include "manifest/part.h"
#include "ports/object.h"

#include <string>
#include <string_view>
#include <vector>

namespace serin::lint {

// One object of the manifests, with the text it came from.
struct Source {
    const Document* document = nullptr;
    Object object;

    manifest::Part root() const { return manifest::Part(object.document()); }
    manifest::Part spec() const { return root()["spec"]; }
};

// All of them. References stay valid as long as this does; the documents outlive it.
class Sources {
public:
    explicit Sources(const std::vector<Document>& documents);

    const std::vector<Source>& all() const { return all_; }
    // By kind, whatever the apiVersion: rules also look at kinds that Serin does not serve.
    std::vector<const Source*> of_kind(std::string_view kind) const;
    // Null when there is none. An empty namespace on either side matches any.
    const Source* find(std::string_view kind, std::string_view ns, std::string_view name) const;
    // The object that the line of the file belongs to, or null.
    const Source* at(const std::string& file, int line) const;

private:
    std::vector<Source> all_;
};

// Where pods are described: the template of a Rollout, Deployment, ReplicaSet..., or a Pod itself.
struct PodTemplate {
    const Source* source = nullptr;
    manifest::Part metadata;
    manifest::Part spec;
};
std::vector<PodTemplate> pod_templates(const Sources& sources);

}  // namespace serin::lint
