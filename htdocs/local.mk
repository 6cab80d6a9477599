# The pages. What nginx serves is put together in the build folder's htdocs: our files as they are, and the vendored
# modules, which npm fetches by the lock file and of which each is one file.

PAGE_FILES = \
	%D%/alerts.html %D%/dashboard.html %D%/login.html %D%/services.html %D%/websocket-test.html %D%/assets/icon.svg \
	%D%/css/alerts.css %D%/css/base.css %D%/css/dashboard.css %D%/css/frame.css %D%/css/login.css %D%/css/services.css %D%/css/websocket-test.css \
	%D%/js/alerting.js %D%/js/alerts.js %D%/js/api.js %D%/js/asking.js %D%/js/charts.js %D%/js/clock.js %D%/js/dashboard.js %D%/js/describe.js %D%/js/format.js \
	%D%/js/health.js %D%/js/host.js %D%/js/icons.js %D%/js/live.js %D%/js/login.js %D%/js/push_state.js %D%/js/search.js %D%/js/series.js %D%/js/services.js %D%/js/store.js \
	%D%/js/theme.js %D%/js/types.js %D%/js/visit.js %D%/js/watching.js %D%/js/views/watched/details.js %D%/js/views/watched/table.js %D%/js/websocket-test.js \
	%D%/js/push/check.js %D%/js/push/figures.js %D%/js/push/form.js %D%/js/push/log.js %D%/js/push/meaning.js \
	%D%/js/push/paint.js %D%/js/push/session.js %D%/js/push/snippets.js %D%/js/push/sse.js %D%/js/push/transport.js \
	%D%/js/views/card.js %D%/js/views/cards.js %D%/js/views/clients.js %D%/js/views/copy.js %D%/js/views/event.js %D%/js/views/events.js \
	%D%/js/views/footer.js %D%/js/views/header.js %D%/js/views/host.js %D%/js/views/panel.js %D%/js/views/rates.js \
	%D%/js/views/services.js %D%/js/views/spark.js %D%/js/views/theme.js \
	%D%/js/views/alerts/channels.js %D%/js/views/alerts/history.js %D%/js/views/alerts/list.js %D%/js/views/alerts/rules.js %D%/js/views/alerts/silences.js \
	%D%/js/views/push/bar.js %D%/js/views/push/check.js %D%/js/views/push/commands.js %D%/js/views/push/connect.js \
	%D%/js/views/push/facts.js %D%/js/views/push/figures.js %D%/js/views/push/messages.js %D%/js/views/push/snippets.js

VENDOR_FILES = \
	%D%/vendor/htm-preact.js %D%/vendor/uplot.js %D%/vendor/uplot.css \
	%D%/vendor/htm.LICENSE.txt %D%/vendor/preact.LICENSE.txt %D%/vendor/uplot.LICENSE.txt

htpagesdir = $(pkgdatadir)
nobase_dist_htpages_DATA = $(PAGE_FILES)
nobase_nodist_htpages_DATA = $(VENDOR_FILES)
# The picture in README.md is one of these pages.
EXTRA_DIST += etc/dashboard.png
EXTRA_DIST += %D%/package.json %D%/package-lock.json %D%/.npmrc %D%/jsconfig.json %D%/types/vendor.d.ts

# Before all else, because install and dist take our files from here when they are here. For the same reason make has to
# be told that it is the originals that may be newer.
BUILT_SOURCES += %D%/site.stamp

%D%/site.stamp: $(PAGE_FILES:%=$(srcdir)/%) %D%/vendor.stamp
	@for file in $(PAGE_FILES); do \
	  test "$(srcdir)/$$file" -ef "$$file" || install -D -m 644 "$(srcdir)/$$file" "$$file" || exit 1; \
	done
	@touch $@

$(VENDOR_FILES): %D%/vendor.stamp

%D%/vendor.stamp: $(srcdir)/%D%/package.json $(srcdir)/%D%/package-lock.json $(srcdir)/%D%/.npmrc
	@$(MKDIR_P) %D%/npm %D%/vendor
	@cd $(srcdir)/%D% && install -m 644 package.json package-lock.json .npmrc "$(abs_builddir)/%D%/npm"
	$(AM_V_GEN)npm --prefix %D%/npm ci --ignore-scripts --loglevel=error >%D%/npm/npm.log 2>&1 || { cat %D%/npm/npm.log >&2; exit 1; }
	@cd %D%/npm/node_modules && install -m 644 htm/preact/standalone.module.js ../../vendor/htm-preact.js && \
	  install -m 644 uplot/dist/uPlot.esm.js ../../vendor/uplot.js && \
	  install -m 644 uplot/dist/uPlot.min.css ../../vendor/uplot.css && \
	  for name in htm preact uplot; do install -m 644 $$name/LICENSE ../../vendor/$$name.LICENSE.txt || exit 1; done
	@touch $@

clean-local: clean-pages
clean-pages:
	rm -rf %D%/npm %D%/vendor %D%/vendor.stamp %D%/site.stamp
	test "$(srcdir)/%D%" -ef %D% || rm -rf %D%/assets %D%/css %D%/js %D%/*.html
.PHONY: clean-pages
