#include "store/sqlite.h"

#include "store/acceptance.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <array>
#include <fstream>
#include <functional>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// What is SQLite's own: durability, damage, full disks and locks.

namespace serin::store {

namespace {

using Opened = Result<std::unique_ptr<SqliteStore>>;

const ResourceType& maps = types::config_map();
ObjectKey key(std::string_view name) {
    return {&maps, "default", std::string(name)};
}

std::unique_ptr<SqliteStore> must_open(EventLoop& loop, const std::string& path) {
    Opened store = SqliteStore::open(loop, {.path = path});
    REQUIRE_MESSAGE(store, store.error().message);
    return *std::move(store);
}

Error refusal(const std::string& path) {
    ManualLoop loop;
    const Opened store = SqliteStore::open(loop, {.path = path});
    REQUIRE_FALSE(store);
    return store.error();
}

void overwrite(const std::string& path, std::int64_t at, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    REQUIRE(file);
    file.seekp(at);
    file << bytes;
}

void run_sql(const std::string& path, const char* sql) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
}

// A process that runs `body` and then waits to be killed. `body` ends by a byte to the pipe.
class Child {
public:
    explicit Child(const std::function<void(int pipe)>& body) {
        std::array<int, 2> ends{};
        REQUIRE(pipe(ends.data()) == 0);
        pid_ = fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            body(ends[1]);
            for (;;) pause();
        }
        close(ends[1]);
        pipe_ = ends[0];
    }
    ~Child() {
        kill();
        close(pipe_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    bool wait_for_byte() const {
        char byte = 0;
        return read(pipe_, &byte, 1) == 1;
    }
    void kill() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    pid_t pid_ = 0;
    int pipe_ = -1;
};

void tell(int pipe) {
    if (write(pipe, "x", 1) != 1) _exit(1);
}

}  // namespace

TEST_CASE("everything is there after reopening, and versions go on") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    ManualLoop loop;
    std::string version;
    std::string from;
    Object kept;
    {
        const auto store = must_open(loop, path);
        from = store->list({.type = &maps})->resource_version;
        kept = store->create(make(maps, "kept", R"({"data": {"a": "\u00e4", "n": 1.5}})")).value();
        Object owned = make(maps, "owned");
        owned.set_controller(kept);
        REQUIRE(store->create(owned));
        REQUIRE(store->create(make(maps, "removed")));
        version = store->remove(key("removed")).value().resource_version();
    }
    const auto store = must_open(loop, path);
    CHECK(json::same(store->get(kept.key()).value().document(), kept.document()));
    CHECK(names(store->list({.type = &maps}).value()) == "kept owned");
    CHECK(store->list({.type = &maps})->resource_version == version);

    int events = 0;
    const auto watch =
        store->watch({.type = &maps}, from, [&](const auto&) { ++events; }, [](const auto&) {});
    loop.run_until_idle();
    CHECK(events == 4);
    const Object next = store->create(make(maps, "next")).value();
    CHECK(std::stoll(std::string(next.resource_version())) == std::stoll(version) + 1);
    CHECK(next.uid() != kept.uid());
    REQUIRE(store->remove(kept.key()));
    CHECK(names(store->list({.type = &maps}).value()) == "next");
}

TEST_CASE("the history stays bounded over restarts") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    ManualLoop loop;
    const auto write = [&](int times) {
        const auto store = SqliteStore::open(loop, {.path = path, .history_max = 10}).value();
        for (int i = 0; i < times; ++i) {
            REQUIRE(store->create(make(maps, "a")));
            REQUIRE(store->remove(key("a")));
        }
        const auto no_event = [](const StoreEvent&) {};
        const std::int64_t now = store->version();
        const auto kind = [&](std::int64_t from) {
            const auto watch =
                store->watch({.type = &maps}, std::to_string(from), no_event, [](const Error&) {});
            return watch ? std::nullopt : std::optional(watch.error().kind);
        };
        CHECK(kind(now - 10) == std::nullopt);
        CHECK(kind(now - 11) == ErrorKind::gone);
    };
    write(20);
    write(0);
    write(1);
}

TEST_CASE("a killed process loses no write it was told of, and tears none") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    std::int64_t acknowledged = 0;
    for (int round = 0; round < 5; ++round) {
        CAPTURE(round);
        Child child([&](int pipe) {
            ManualLoop loop;
            const auto store = SqliteStore::open(loop, {.path = path}).value();
            const auto former = store->get(key("counter"));
            const std::int64_t before = former ? former->integer("/data/n") : 0;
            if (!former && !store->create(make(maps, "counter"))) _exit(1);
            for (std::int64_t n = before + 1;; ++n) {
                const json::Value data = json::Object{{"data", json::Object{{"n", n}}}};
                if (!store->patch(key("counter"), PatchKind::merge, data)) _exit(1);
                if (!store->evidence().append(loop.now(), "r", std::to_string(n), {})) _exit(1);
                tell(pipe);
            }
        });
        for (int i = 0; i < 20 + round; ++i) REQUIRE(child.wait_for_byte());
        acknowledged += 20 + round;
        child.kill();

        ManualLoop loop;
        const auto store = must_open(loop, path);
        const std::int64_t n = store->get(key("counter")).value().integer("/data/n");
        CHECK(n >= acknowledged);
        CHECK(store->version() == n + 2);
        const auto entries = store->evidence().read("").value();
        CHECK(std::ssize(entries) >= acknowledged);
        CHECK(verify_chain(entries));
    }
}

TEST_CASE("a second process is refused and told who has the file") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    Child child([&](int pipe) {
        ManualLoop loop;
        const auto store = SqliteStore::open(loop, {.path = path}).value();
        tell(pipe);
        for (;;) pause();
    });
    REQUIRE(child.wait_for_byte());
    const Error error = refusal(path);
    CHECK(error.kind == ErrorKind::unavailable);
    CHECK(error.message.contains(path));
    CHECK(error.message.contains("process " + std::to_string(child.pid())));
    child.kill();

    ManualLoop loop;
    const auto store = must_open(loop, path);
    CHECK(refusal(path).kind == ErrorKind::unavailable);
    CHECK(store->create(make(maps, "a")));
}

TEST_CASE("damage is named, with advice, and nothing is created anew") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    SUBCASE("not a database at all") {
        std::ofstream(path) << std::string(8192, 'x');
    }
    SUBCASE("a page of a table overwritten") {
        {
            ManualLoop loop;
            const auto store = must_open(loop, path);
            for (int i = 0; i < 200; ++i) {
                Object large = make(maps, "m" + std::to_string(i));
                large.put("/data/x", json::string(std::string(500, 'x')));
                REQUIRE(store->create(large));
            }
        }
        for (std::int64_t page = 3; page < 40; page += 4) {
            overwrite(path, page * 4096, std::string(2000, '\xee'));
        }
    }
    SUBCASE("cut in half") {
        {
            ManualLoop loop;
            const auto store = must_open(loop, path);
            for (int i = 0; i < 200; ++i)
                REQUIRE(store->create(make(maps, "m" + std::to_string(i))));
        }
        REQUIRE(truncate(path.c_str(), 24'576) == 0);
    }
    SUBCASE("gone, but for its log") {
        Child child([&](int pipe) {
            ManualLoop loop;
            const auto store = SqliteStore::open(loop, {.path = path}).value();
            if (!store->create(make(maps, "a"))) _exit(1);
            tell(pipe);
            for (;;) pause();
        });
        REQUIRE(child.wait_for_byte());
        child.kill();
        std::remove(path.c_str());
    }
    SUBCASE("a document that is no JSON") {
        {
            ManualLoop loop;
            REQUIRE(must_open(loop, path)->create(make(maps, "a")));
        }
        run_sql(path, "UPDATE objects SET body = '{'");
    }
    std::ifstream file(path, std::ios::binary);
    const std::string before{std::istreambuf_iterator<char>(file), {}};
    const Error error = refusal(path);
    CHECK(error.kind == ErrorKind::invalid);
    CHECK(error.message.contains(path));
    CHECK(error.message.contains("move"));
    std::ifstream again(path, std::ios::binary);
    CHECK(before == std::string{std::istreambuf_iterator<char>(again), {}});
}

TEST_CASE("files of others and of newer versions are refused") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    SUBCASE("another program's database") {
        run_sql(path, "CREATE TABLE x (y)");
        CHECK(refusal(path).kind == ErrorKind::invalid);
        CHECK(refusal(path).message.contains("not a database of Serin"));
    }
    SUBCASE("a newer schema") {
        {
            ManualLoop loop;
            must_open(loop, path);
        }
        run_sql(path, "PRAGMA user_version = 99");
        CHECK(refusal(path).kind == ErrorKind::invalid);
        CHECK(refusal(path).message.contains("newer Serin"));
    }
    SUBCASE("a folder that is not there") {
        const Error error = refusal(folder.file("no/serin.db"));
        CHECK(error.kind == ErrorKind::unavailable);
        CHECK(error.message.contains("No such file"));
    }
}

TEST_CASE("the file is its owner's alone") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    ManualLoop loop;
    const auto store = must_open(loop, path);
    struct stat state{};
    for (const std::string& file : {path, path + "-wal"}) {
        REQUIRE(stat(file.c_str(), &state) == 0);
        CHECK((state.st_mode & 0777) == 0600);
    }
}

TEST_CASE("a disk that cannot be written refuses the write and leaves all as it was") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    ManualLoop loop;
    auto store = must_open(loop, path);
    REQUIRE(store->create(make(maps, "before", R"({"data": {"n": "1"}})")));
    int events = 0;
    const auto watch =
        store->watch({.type = &maps}, "", [&](const auto&) { ++events; }, [](const auto&) {});
    Object large = make(maps, "large");
    large.put("/data/x", json::string(std::string(100'000, 'x')));
    const std::int64_t version = store->version();

    // No file may grow any more, as on a full disk.
    rlimit former{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &former) == 0);
    const auto old_handler = signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{.rlim_cur = 65'536, .rlim_max = former.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto refused = store->create(large);
    const auto no_evidence = store->evidence().append(
        loop.now(), "r", "1", {{"x", json::string(std::string(100'000, 'x'))}});
    REQUIRE(setrlimit(RLIMIT_FSIZE, &former) == 0);
    signal(SIGXFSZ, old_handler);

    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::unavailable);
    CHECK(refused.error().message.contains(path));
    CHECK_FALSE(no_evidence);
    CHECK(store->version() == version);
    loop.run_until_idle();
    CHECK(events == 0);
    CHECK(names(store->list({.type = &maps}).value()) == "before");

    CHECK(store->create(large));
    CHECK(store->evidence().append(loop.now(), "r", "1", {}).value().sequence == 1);
    store.reset();
    store = must_open(loop, path);
    CHECK(names(store->list({.type = &maps}).value()) == "before large");
}

TEST_CASE("evidence is chained, appended once and kept") {
    const TemporaryFolder folder;
    const std::string path = folder.file("serin.db");
    ManualLoop loop;
    {
        const auto store = must_open(loop, path);
        EvidenceLog& log = store->evidence();
        const EvidenceEntry first = log.append(loop.now(), "a", "1", {{"weight", 5.0}}).value();
        CHECK(first.sequence == 1);
        CHECK(log.append(loop.now(), "b", "1", {{"x", "y"}}).value().sequence == 2);
        const EvidenceEntry again = log.append(loop.now(), "a", "1", {{"other", true}}).value();
        CHECK(again.sequence == 1);
        CHECK(again.hash == first.hash);
    }
    {
        const auto store = must_open(loop, path);
        REQUIRE(store->evidence().append(loop.now(), "a", "2", {}));
        CHECK(store->evidence().read("a").value().size() == 2);
        CHECK(store->evidence().read("", 1).value().size() == 2);
        const auto all = store->evidence().read("").value();
        CHECK(all.size() == 3);
        CHECK(verify_chain(all));
    }
    run_sql(path, "UPDATE evidence SET body = '{\"x\":\"z\"}' WHERE sequence = 2");
    const auto store = must_open(loop, path);
    const auto broken = verify_chain(store->evidence().read("").value());
    REQUIRE_FALSE(broken);
    CHECK(broken.error().message.contains("entry 2"));
}

}  // namespace serin::store
