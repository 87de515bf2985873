#pragma once

#include "store/local_store.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace serin::store {

// Changes of several objects that happen together or not at all. What it stages, it sees.
class LocalStore::Transaction {
public:
    explicit Transaction(LocalStore& store) : store_(store) {}

    // The object as it would be; `not_found` also when it is staged to be removed.
    Result<Object> load(const ObjectKey& key) const;

    // Each returns the object with its new version.
    Object add(Object object);
    Object modify(const Object& old, Object object);
    // Removes the object for good, and with it the dependents that have no other owner left, and
    // what a namespace holds. Grace and finalizers of these are respected.
    Result<Object> remove(const Object& old);
    // Takes the references to `owner` off its dependents.
    Result<> orphan_dependents(const Object& owner);

    Result<> commit();

private:
    Object stage(EventKind kind, Object before, Object after);
    Result<> remove_dependents(const std::string& uid);
    Result<> remove_contents(const std::string& ns);
    // Ends an object as its removal would.
    Result<> end(const Object& old);
    // Ends a dependent all of whose owners are gone; takes dangling references off another one.
    Result<> release(const ObjectKey& dependent);
    bool is_there(const std::string& uid) const;

    LocalStore& store_;
    std::vector<Change> changes_;
    std::map<ObjectKey, size_t> latest_;  // Key -> its last change.
    std::set<std::string> removed_uids_;
};

}  // namespace serin::store
