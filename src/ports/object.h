#pragma once

#include "base/json.h"
#include "base/time.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// An API object: a JSON document in the Kubernetes envelope (apiVersion, kind, metadata, and mostly
// spec and status).

namespace serin {

// A kind of object, as discovery and URLs name it.
struct ResourceType {
    std::string_view group;  // "" is the core group.
    std::string_view version;
    std::string_view kind;
    std::string_view plural;
    std::string_view singular;
    std::vector<std::string_view> short_names;
    bool is_namespaced = true;
    // With a status subresource: writes to the main resource leave /status as it is, writes to
    // /status leave all else, and metadata.generation counts the changes of everything else.
    bool has_status = false;
    bool has_scale = false;
    std::vector<std::string_view> categories;  // "all" lists it in `get all`.

    std::string api_version() const;  // "v1", "apps/v1".
};

// All types Serin serves, in discovery order. References stay valid for the whole run.
const std::vector<ResourceType>& resource_types();
// Null when there is no such type. `name` is a plural, singular, short name or kind in any case,
// optionally with a group: "rollouts", "ro", "Rollout", "rollouts.argoproj.io".
const ResourceType* find_type(std::string_view name);
const ResourceType* find_type(std::string_view group, std::string_view plural);
const ResourceType* find_kind(std::string_view api_version, std::string_view kind);

// The types code refers to by name. The returned references are elements of resource_types().
namespace types {
const ResourceType& rollout();
const ResourceType& analysis_template();
const ResourceType& cluster_analysis_template();
const ResourceType& analysis_run();
const ResourceType& experiment();
const ResourceType& replica_set();
const ResourceType& deployment();
const ResourceType& pod();
const ResourceType& service();
const ResourceType& config_map();
const ResourceType& secret();
const ResourceType& event();
const ResourceType& name_space();
const ResourceType& gateway_class();
const ResourceType& gateway();
const ResourceType& http_route();
}  // namespace types

// Names one object. Cluster-scoped objects have an empty namespace.
struct ObjectKey {
    const ResourceType* type = nullptr;
    std::string ns;
    std::string name;

    friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
    friend std::strong_ordering operator<=>(const ObjectKey& left, const ObjectKey& right);
};

// "rollouts.argoproj.io default/shop", for messages and logs.
std::string to_string(const ObjectKey& key);

// A value type around the document, with accessors for the envelope. Accessors of absent fields
// give empty values; nothing throws.
//
// Copying is cheap: copies share one document until one of them is changed, which then gets its
// own. So what was looked up in an object (a view, a pointer) belongs to the document that it had
// at the time: look up again after a change. A reference to change a document by must not be kept
// over a copy of its object, or it would change the copy too.
class Object {
public:
    Object() = default;
    explicit Object(json::Object document)
        : document_(std::make_shared<json::Object>(std::move(document))) {}
    // A new object of `type` with name and namespace set.
    Object(const ResourceType& type, std::string_view ns, std::string_view name);

    const json::Object& document() const;
    json::Object& document();  // To change it: copies the document if others share it.
    bool is_empty() const { return document().empty(); }

    const ResourceType* type() const;  // Null for a kind that Serin does not serve.
    ObjectKey key() const;             // REQUIRES: type() is not null.

    std::string_view api_version() const { return top("apiVersion"); }
    std::string_view kind() const { return top("kind"); }
    std::string_view name() const { return metadata_text("name"); }
    std::string_view ns() const { return metadata_text("namespace"); }
    std::string_view uid() const { return metadata_text("uid"); }
    std::string_view resource_version() const { return metadata_text("resourceVersion"); }
    std::int64_t generation() const { return integer("/metadata/generation"); }
    std::optional<Instant> created() const { return time("/metadata/creationTimestamp"); }
    std::optional<Instant> deletion_time() const { return time("/metadata/deletionTimestamp"); }
    bool is_being_deleted() const { return metadata("deletionTimestamp") != nullptr; }

    std::optional<std::string_view> label(std::string_view key) const;
    std::optional<std::string_view> annotation(std::string_view key) const;
    std::map<std::string, std::string> labels() const;
    void set_label(std::string_view key, std::string_view value);
    void set_annotation(std::string_view key, std::string_view value);
    void remove_annotation(std::string_view key);

    // The owner reference with controller: true, as JSON; null when there is none.
    const json::Object* controller() const;
    std::string_view controller_uid() const;
    // Makes `owner` the controlling owner.
    void set_controller(const Object& owner);

    // By JSON pointer; see base/json.h.
    const json::Value* find(std::string_view pointer) const;
    std::string_view text(std::string_view pointer, std::string_view otherwise = {}) const;
    std::int64_t integer(std::string_view pointer, std::int64_t otherwise = 0) const;
    bool boolean(std::string_view pointer, bool otherwise = false) const;
    std::optional<Instant> time(std::string_view pointer) const;
    json::Value& put(std::string_view pointer, json::Value value);
    bool erase(std::string_view pointer);

private:
    std::string_view top(std::string_view field) const;
    const json::Value* metadata(std::string_view field) const;
    std::string_view metadata_text(std::string_view field) const;

    std::shared_ptr<json::Object> document_;  // Null: empty.
};

}  // namespace serin
