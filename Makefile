# arc-relay-proxy.  GNU make.  "make demo" and "make check" prepare all they need.

PREFIX		?= /usr/local
BINDIR		?= $(PREFIX)/bin
MANDIR		?= $(PREFIX)/share/man
BASHDIR		?= $(PREFIX)/share/bash-completion/completions
ZSHDIR		?= $(PREFIX)/share/zsh/site-functions
FISHDIR		?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR		?=
CC		?= cc
PKG_CONFIG	?= pkg-config
CFLAGS		?= -O2 -g
WARN		?= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		   -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla
HARDEN		?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
		   -fstack-clash-protection -fPIE
HARDEN_LD	?= -pie -Wl,-z,relro,-z,now,-z,noexecstack

# One build directory a variant, so that the same tests run on each.
VARIANT		?= release
B		:= build/$(VARIANT)
VERSION		:= $(shell cat VERSION)

ifneq ($(V),1)
Q		:= @
SAY		= @printf '  %-5s %s\n'
else
SAY		= @:
endif

# Most symbols that are looked up at each start are libcrypto's: it comes first.
RELAY_LIBS	= -lcrypto -lssl $(shell $(PKG_CONFIG) --libs libwebsockets) -pthread
JSON_LIBS	= $(shell $(PKG_CONFIG) --libs jansson)
HTTP_LIBS	= $(shell $(PKG_CONFIG) --libs libcurl)
CRYPTO_LIBS	= -lmbedx509 -lmbedcrypto
LDLIBS		= -Wl,--as-needed $(RELAY_LIBS) $(JSON_LIBS) $(CRYPTO_LIBS)

ALL_CFLAGS	= -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
		  -DBINDIR='"$(BINDIR)"' -I. $(WARN) $(HARDEN) $(SAN) $(CFLAGS) \
		  $(CPPFLAGS) -MMD -MP
ALL_LDFLAGS	= $(HARDEN_LD) $(SAN) $(LDFLAGS)

# --- what there is ---

RELAY_SRC	:= $(wildcard relay/*.c)
AUTH_SRC	:= $(wildcard auth/*.c)
TOOL_SRC	:= proxy/arc_relay.c $(wildcard proxy/cmd_*.c)
PROXY_SRC	:= $(filter-out proxy/arc_relay.c proxy/cmd_%.c,$(wildcard proxy/*.c))
UNIT_SRC	:= $(wildcard test/unit/*_test.c)
PLAY_SRC	:= $(wildcard test/play/*_play.c)
FUZZ_SRC	:= $(wildcard test/fuzz/*_fuzz.c)
BENCH_SRC	:= $(filter-out %_preload.c,$(wildcard test/bench/*.c))
PRELOAD_SRC	:= $(wildcard test/bench/*_preload.c)
MAN		:= $(wildcard man/*.[1-9])

PROGRAMS	:= $(B)/arc-relay-proxy $(B)/arc-relay
UNIT		:= $(UNIT_SRC:%.c=$(B)/%)
PLAY		:= $(PLAY_SRC:%.c=$(B)/%)
FUZZ		:= $(FUZZ_SRC:%.c=$(B)/%)
BENCH		:= $(BENCH_SRC:%.c=$(B)/%)
PRELOAD		:= $(PRELOAD_SRC:%.c=$(B)/%.so)
LIBS		:= $(B)/libproxy.a $(B)/libauth.a $(B)/librelay.a
obj		= $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all deps demo check check-asan check-valgrind bench fuzz-smoke analyze \
	man-lint install uninstall dist clean unit
.DELETE_ON_ERROR:

all: $(PROGRAMS)

# --- building ---

$(B)/%.o: %.c
	$(SAY) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# A library a folder: each program pulls from it only what it uses.
$(B)/librelay.a: $(call obj,$(RELAY_SRC))
$(B)/libauth.a: $(call obj,$(AUTH_SRC))
$(B)/libproxy.a: $(call obj,$(filter-out proxy/main.c,$(PROXY_SRC)))
$(B)/%.a:
	$(SAY) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/arc-relay-proxy: $(B)/proxy/main.o $(LIBS)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/arc-relay: $(call obj,$(TOOL_SRC)) $(LIBS)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) $(HTTP_LIBS)

# The pump runs against a wire and a clock that the test plays: they come first,
# so that the library's wire is not pulled in.
$(filter $(B)/test/unit/pump_%,$(UNIT)): $(B)/test/unit/fake_wire.o \
	$(B)/test/unit/pump_play.o
.SECONDARY: $(UNIT:=.o) $(PLAY:=.o) $(FUZZ:=.o) $(BENCH:=.o)
$(B)/test/unit/%_test: $(B)/test/unit/%_test.o $(LIBS)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS) $(LDLIBS) $(HTTP_LIBS)

# Programs that play, for a test, a caller that is still to come.
$(B)/test/play/%_play: $(B)/test/play/%_play.o $(LIBS)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS) $(LDLIBS) $(HTTP_LIBS)

unit: $(UNIT) $(PLAY) bench-programs

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# --- trying and testing ---

deps:
	@contrib/deps build test

demo:
	@contrib/deps build demo
	@$(MAKE) --no-print-directory all
	@BUILD=$(CURDIR)/$(B) sh test/demo.sh

# T=name runs only the tests whose path has that in it.
check:
	@contrib/deps build test
	@$(MAKE) --no-print-directory all unit
	@BUILD=$(CURDIR)/$(B) MODE=$(MODE) python3 test/run.py $(T)

check-asan:
	@contrib/deps build test
	@$(MAKE) --no-print-directory VARIANT=asan MODE=asan HARDEN= HARDEN_LD= \
		CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' check

check-valgrind:
	@contrib/deps build test valgrind
	@$(MAKE) --no-print-directory MODE=valgrind check

# R="row row" measures only these, ROUNDS times with MB megabytes.
ROUNDS		?= 7
MB		?= 512
bench:
	@contrib/deps build demo
	@contrib/deps test bench || echo "going on with what is there"
	@$(MAKE) --no-print-directory all bench-programs
	@BUILD=$(CURDIR)/$(B) /usr/bin/python3 test/bench/bench.py --rounds $(ROUNDS) \
		--mb $(MB) $(R)

# Table and plot of the last whole run, for those who read README.md.
bench-readme:
	$(Q)python3 test/bench/report.py build/bench.json

bench-config:
	@contrib/deps build test
	@$(MAKE) --no-print-directory all bench-programs
	@BUILD=$(CURDIR)/$(B) python3 test/bench/config_figures.py

.PHONY: bench-programs bench-config bench-readme
bench-programs: $(BENCH) $(PRELOAD)

# Loaded before other people's programs: neither sanitizers nor hardening.
$(PRELOAD): $(B)/%.so: %.c
	$(SAY) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $<

# It must have the libraries of arc-relay-proxy, and needs none of them.
$(B)/test/bench/empty: $(B)/test/bench/empty.o $(B)/arc-relay-proxy
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -Wl,--no-as-needed \
		$$(readelf -d $(B)/arc-relay-proxy | sed -n 's/.*NEEDED.*\[\(.*\)\]/-l:\1/p')

$(filter-out %/empty,$(BENCH)): $(B)/%: $(B)/%.o
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< -lssl -lcrypto

# --- for those who change it ---

FUZZ_SECONDS	?= 10
fuzz-smoke:
	@contrib/deps build fuzz
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang HARDEN= HARDEN_LD= \
		CFLAGS='-O1 -g' SAN='-fsanitize=fuzzer-no-link,address,undefined' \
		fuzz-programs
	@FUZZ_SECONDS=$(FUZZ_SECONDS) BUILD=$(CURDIR)/build/fuzz sh test/fuzz/smoke.sh

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ)
$(B)/test/fuzz/%_fuzz: $(B)/test/fuzz/%_fuzz.o $(LIBS)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS) $(HTTP_LIBS)

analyze:
	@contrib/deps build analyze
	-$(Q)$(MAKE) --no-print-directory VARIANT=analyze CFLAGS='-O2 -fanalyzer' all
	-$(Q)cppcheck --quiet --enable=warning,performance,portability \
		--inline-suppr -I. -D_GNU_SOURCE relay auth proxy
	-$(Q)scan-build --status-bugs -o build/scan $(MAKE) \
		--no-print-directory VARIANT=scan all

man-lint:
	@contrib/deps man
	$(Q)mandoc -T lint -W warning $(MAN)

# --- installing ---

# One completion serves both programs; bash and fish look for it by their names.
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) \
		$(DESTDIR)$(FISHDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	$(Q)for page in $(MAN); do \
		dir=$(DESTDIR)$(MANDIR)/man$${page##*.}; \
		install -d "$$dir" && install -m 644 "$$page" "$$dir" || exit; \
	done
	install -m 644 contrib/completions/arc-relay.bash $(DESTDIR)$(BASHDIR)/arc-relay
	ln -sf arc-relay $(DESTDIR)$(BASHDIR)/arc-relay-proxy
	install -m 644 contrib/completions/_arc-relay $(DESTDIR)$(ZSHDIR)
	install -m 644 contrib/completions/arc-relay.fish $(DESTDIR)$(FISHDIR)
	ln -sf arc-relay.fish $(DESTDIR)$(FISHDIR)/arc-relay-proxy.fish

uninstall:
	rm -f $(PROGRAMS:$(B)/%=$(DESTDIR)$(BINDIR)/%)
	$(Q)for page in $(MAN); do \
		rm -f "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}"; \
	done
	rm -f $(DESTDIR)$(BASHDIR)/arc-relay $(DESTDIR)$(BASHDIR)/arc-relay-proxy \
		$(DESTDIR)$(ZSHDIR)/_arc-relay $(DESTDIR)$(FISHDIR)/arc-relay.fish \
		$(DESTDIR)$(FISHDIR)/arc-relay-proxy.fish

dist:
	@mkdir -p build
	git archive --format=tar --prefix=arc-relay-proxy-$(VERSION)/ HEAD | \
		gzip -n > build/arc-relay-proxy-$(VERSION).tar.gz

clean:
	rm -rf build
